import { createTransport } from 'nodemailer';
import { AppError } from '../kernel/errors.ts';
import type { Mail, Mailer } from './mailer.ts';

const timeoutMs = 10_000;

/** Sends by SMTP; one connection a mail, which at a mail per sign-in is plenty. */
export class SmtpMailer implements Mailer {
  readonly #url: string;
  readonly #from: string;

  /** `url`: `smtp://` or `smtps://`, with user and password where the server wants them. */
  constructor({ url, from }: { url: string; from: string }) {
    this.#url = url;
    this.#from = from;
  }

  async send(mail: Mail): Promise<void> {
    const transport = createTransport({
      url: this.#url,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
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
