import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTransport, type Transporter } from 'nodemailer';
import type { Environment } from '../kernel/service.ts';
import { createTestEnvironment } from '../kernel/testing/test-environment.ts';
import type { Message } from './mailbox.ts';
import { Mail } from './server.ts';

describe('the mail sink', () => {
  let environment: Environment & { dispose(): void };
  let mail: Mail;
  let transport: Transporter;

  beforeEach(async () => {
    environment = await createTestEnvironment();
    mail = new Mail(environment, { smtpPort: 0, httpPort: 0 });
    await mail.start();
    transport = createTransport({ host: '127.0.0.1', port: mail.smtpPort });
  });
  afterEach(async () => {
    transport.close();
    await mail.stop();
    environment.dispose();
  });

  const send = (to: string, subject: string, more = {}) =>
    transport.sendMail({ from: 'AOVIS <no-reply@aovis.example>', to, subject, text: `for ${to}`, ...more });
  const get = async (path: string): Promise<unknown> => (await fetch(`${mail.url}${path}`)).json();
  const messages = async (query = ''): Promise<Message[]> =>
    ((await get(`/messages${query}`)) as { messages: Message[] }).messages;

  it('keeps what it is sent, as text, HTML, headers and attachments', async () => {
    await send('Ann <Ann@Example.com>', 'Grüße ✓', {
      html: '<p>hello</p>',
      attachments: [{ filename: 'a.txt', content: 'abc' }],
    });
    const [message] = await messages('?to=ann@example.com');
    expect(message).toMatchObject({
      from: 'no-reply@aovis.example',
      to: ['ann@example.com'],
      subject: 'Grüße ✓',
      attachments: [{ filename: 'a.txt', mimeType: 'text/plain', bytes: 3 }],
    });
    expect(message?.text.trim()).toBe('for Ann <Ann@Example.com>');
    expect(message?.headers.find(({ name }) => name === 'subject')).toBeDefined();
    expect(await get(`/messages/${message?.id}`)).toEqual(message);
    expect((await fetch(`${mail.url}/messages/9999999999`)).status).toBe(404);
  });

  it('lets a reader wait for the next message to an address', async () => {
    const waiting = get('/messages/next?to=bob@example.com');
    await send('ann@example.com', 'not this');
    await send('bob@example.com', 'first');
    const first = (await waiting) as Message;
    expect(first.subject).toBe('first');
    const second = get(`/messages/next?to=bob@example.com&after=${first.id}`);
    await send('bob@example.com', 'second');
    expect(((await second) as Message).subject).toBe('second');
    const nothing = await fetch(`${mail.url}/messages/next?to=nobody@example.com&timeoutSeconds=0`);
    expect(nothing.status).toBe(204);
  });

  it('shows mail in a browser with scripts off and links to click', async () => {
    await send('ann@example.com', '<script>alert(1)</script>', {
      text: 'Sign in: https://app.example/l?a=1&b=2#x',
      html: '<script>alert(2)</script><a href="https://app.example">in</a>',
    });
    const [message] = await messages();
    const list = await (await fetch(`${mail.url}/`)).text();
    expect(list).toContain('&lt;script&gt;alert(1)');
    expect(list).not.toContain('<script>');
    const page = await (await fetch(`${mail.url}/view/${message?.id}`)).text();
    expect(page).toContain('<a href="https://app.example/l?a=1&amp;b=2#x">');
    const html = await fetch(`${mail.url}/messages/${message?.id}/html`);
    expect(html.headers.get('content-security-policy')).toMatch(/^default-src 'none'.*sandbox/);
  });

  it('keeps its mail over a restart, and the newest thousand only', async () => {
    await send('ann@example.com', 'kept');
    await mail.stop();
    const table = environment.store.table<Message>('mail-messages');
    const [kept] = [...table.values()];
    if (kept === undefined) throw new Error('nothing was kept');
    for (let i = 2; i <= 1005; i++) {
      const id = String(i).padStart(10, '0');
      table.put(id, { ...kept, id, subject: id });
    }
    mail = new Mail(environment, { smtpPort: 0, httpPort: 0 });
    await mail.start();
    transport = createTransport({ host: '127.0.0.1', port: mail.smtpPort });
    await send('ann@example.com', 'newest');
    const all = await messages();
    expect([all.length, all[0]?.id, all.at(-1)?.subject]).toEqual([1000, '0000000007', 'newest']);
  });

  it('takes a login, and refuses what a fault or its size says', async () => {
    const login = createTransport({
      host: '127.0.0.1',
      port: mail.smtpPort,
      auth: { user: 'someone', pass: 'something' },
    });
    await login.sendMail({ from: 'a@example.com', to: 'b@example.com', text: 'x' });
    login.close();
    environment.faults.add({
      service: 'mail',
      effect: { kind: 'error', status: 451, code: '4.3.0', message: 'try again later' },
      times: 1,
    });
    await expect(send('ann@example.com', 'x')).rejects.toMatchObject({ responseCode: 451 });
    await expect(send('ann@example.com', 'x', { text: 'y'.repeat(6_000_000) })).rejects.toMatchObject({
      responseCode: 552,
    });
    expect(await messages()).toHaveLength(1);
  });
});
