import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SmtpMailer } from './smtp-mailer.ts';

/** Speaks just enough of RFC 5321 to take one mail; `answers` replaces what it says to a verb. */
function takeMail(socket: Socket, received: string[], answers: Record<string, string>): void {
  let inData = false;
  socket.on('error', () => {});
  socket.write('220 test\r\n');
  createInterface({ input: socket }).on('line', (line) => {
    received.push(line);
    if (inData && line !== '.') return;
    const verb = inData ? '.' : line.slice(0, 4).toUpperCase();
    inData = verb === 'DATA' && !('DATA' in answers);
    const usual: Record<string, string> = { DATA: '354 go on', QUIT: '221 bye' };
    socket.write(`${answers[verb] ?? usual[verb] ?? '250 ok'}\r\n`);
  });
}

describe('SmtpMailer', () => {
  let server: Server;
  let received: string[];
  let answers: Record<string, string>;
  let mailer: SmtpMailer;

  beforeEach(async () => {
    received = [];
    answers = {};
    server = createServer((socket) => takeMail(socket, received, answers)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    mailer = new SmtpMailer({ url: `smtp://127.0.0.1:${port}`, from: 'AOVIS <no-reply@aovis.test>' });
  });
  afterEach(async () => {
    server.close();
    await once(server, 'close');
  });

  const mail = { to: 'ada@example.com', subject: 'Grüße', text: 'Hello\n.\nthere', html: '<p>Hello</p>' };

  it('hands the mail over', async () => {
    await mailer.send(mail);
    const text = received.join('\n');
    expect(text).toContain('MAIL FROM:<no-reply@aovis.test>');
    expect(text).toContain('RCPT TO:<ada@example.com>');
    expect(text).toMatch(/^Subject: =\?UTF-8\?/m);
    // RFC 5321, 4.5.2: a line that is a dot gets another one, or it would end the mail.
    expect(received).toContain('..');
    expect(text).toContain('Content-Type: text/html');
  });

  it('sends over TLS alone where that is wanted, but for a relay on the same machine', async () => {
    const { port } = server.address() as AddressInfo;
    // An IPv4 address as IPv6 knows it (RFC 4291, 2.5.5.2): this server, by a name that is not of this machine to us.
    const url = `smtp://[::ffff:127.0.0.1]:${port}`;
    const strict = new SmtpMailer({ url, from: 'a@b.test', requireTls: true });
    await expect(strict.send(mail)).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(received).toContain('STARTTLS');
    expect(received.join('\n')).not.toContain('MAIL FROM');
    await new SmtpMailer({ url: `smtp://127.0.0.1:${port}`, from: 'a@b.test', requireTls: true }).send(mail);
    expect(received.join('\n')).toContain('MAIL FROM');
  });

  it('says service_unavailable when the mail is not taken, or nobody answers', async () => {
    answers.RCPT = '451 later';
    await expect(mailer.send(mail)).rejects.toMatchObject({
      code: 'service_unavailable',
      retryAfterMs: 5_000,
    });
    const nobody = new SmtpMailer({ url: 'smtp://127.0.0.1:1', from: 'a@b.test' });
    await expect(nobody.send(mail)).rejects.toMatchObject({ code: 'service_unavailable' });
  });
});
