import { createTransport } from 'nodemailer';
import { AppError } from '../kernel/errors.ts';
import type { Mail, Mailer } from './mailer.ts';

const timeoutMs = 10_000;

/** Sends by SMTP; one connection a mail, which at a mail per sign-in is plenty. */
export class SmtpMailer implements Mailer {
  readonly #url: string;
  readonly #from: string;
  readonly #requireTLS: boolean;

  /**
   * `url`: `smtp://` or `smtps://`, with user and password where the server wants them. `requireTls`: over `smtp://` too
   * (STARTTLS, RFC 3207), for mails carry links that sign people in; a relay on this machine (127.0.0.1, ::1) need not.
   */
  constructor({ url, from, requireTls = false }: { url: string; from: string; requireTls?: boolean }) {
    this.#url = url;
    this.#from = from;
    this.#requireTLS = requireTls && !/^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(new URL(url).hostname);
  }

  async send(mail: Mail): Promise<void> {
    const transport = createTransport({
      url: this.#url,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      requireTLS: this.#requireTLS,
      socketTimeout: timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      await transport.sendMail({ from: this.#from, ...mail });
    } catch (error) {
      throw new AppError('service_unavailable', { cause: error, retryAfterMs: 5_000 });
    } finally {
      transport.close();
    }
  }
}
