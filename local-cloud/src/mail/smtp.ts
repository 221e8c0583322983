import PostalMime from 'postal-mime';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { Faults } from '../kernel/faults.ts';
import type { Mailbox } from './mailbox.ts';

const maxMessageBytes = 5 * 1024 * 1024;

/** An SMTP server on loopback that takes everything, with or without a login, and puts it into the mailbox. */
export function createSmtpServer(mailbox: Mailbox, faults: Faults): SMTPServer {
  return new SMTPServer({
    authOptional: true,
    // Loopback only, and a certificate would have to be trusted first.
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    allowInsecureAuth: true,
    logger: false,
    size: maxMessageBytes,
    // For a message that is just coming in; clients that keep a connection open hold up nothing.
    closeTimeout: 100,
    onAuth: ({ username }, _session, done) => done(null, { user: username ?? 'anyone' }),
    onData: (stream, session, done) => void answer(receive(stream, session, mailbox, faults), done),
  });
}

async function answer(
  received: Promise<string>,
  done: (error?: Error | null, reply?: string) => void,
): Promise<void> {
  let id: string;
  try {
    id = await received;
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  done(null, `Message ${id} kept`);
}

async function receive(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  mailbox: Mailbox,
  faults: Faults,
): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  const { mailFrom, rcptTo } = session.envelope;
  const to = rcptTo.map(({ address }) => address.toLowerCase());
  const fault = faults.take('mail', 'Data', to[0]);
  if (fault?.kind === 'error') throw smtpError(fault.status, `${fault.code} ${fault.message}`);
  if (stream.sizeExceeded) throw smtpError(552, `Messages have at most ${maxMessageBytes} bytes here`);
  const parsed = await PostalMime.parse(Buffer.concat(chunks));
  const { id } = mailbox.add({
    from: mailFrom === false ? '' : mailFrom.address.toLowerCase(),
    to,
    subject: parsed.subject ?? '',
    text: parsed.text ?? '',
    html: parsed.html ?? '',
    headers: parsed.headers.map(({ key, value }) => ({ name: key, value })),
    attachments: parsed.attachments.map(({ filename, mimeType, content }) => ({
      filename: filename ?? '',
      mimeType,
      bytes: typeof content === 'string' ? content.length : content.byteLength,
    })),
  });
  return id;
}

/** A reply code of 400 to 599 means the same to SMTP as to HTTP: try again, or do not. */
function smtpError(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}
