import { escapeHtml, page } from '../kernel/html.ts';
import type { Message } from './mailbox.ts';

/** The list of messages, newest first. */
export function listPage(messages: Message[]): string {
  const rows = messages
    .toReversed()
    .map(
      (message) => `<tr>
  <td class="quiet">${escapeHtml(message.receivedAt)}</td>
  <td>${escapeHtml(message.to.join(', '))}</td>
  <td><a href="/view/${message.id}">${escapeHtml(message.subject) || '(no subject)'}</a></td>
</tr>`,
    )
    .join('\n');
  return page(
    'Mail',
    `<h1>Mail</h1>
<p>Everything the system mailed while it ran on this machine. Nothing left it.</p>
${messages.length === 0 ? '<p class="quiet">Nothing yet.</p>' : `<table>\n<tr><th>received</th><th>to</th><th>subject</th></tr>\n${rows}\n</table>`}
<p class="quiet">As JSON: <code>GET /messages?to=</code>, <code>GET /messages/{id}</code>,
<code>GET /messages/next?to=&amp;after=</code> (waits for one).</p>`,
  );
}

/** One message; its HTML stands in a frame of its own, without scripts. */
export function messagePage(message: Message): string {
  const html =
    message.html === ''
      ? ''
      : `<h2>HTML</h2>\n<iframe sandbox="allow-popups" src="/messages/${message.id}/html"></iframe>`;
  return page(
    message.subject || '(no subject)',
    `<p><a href="/">All mail</a></p>
<h1>${escapeHtml(message.subject) || '(no subject)'}</h1>
<p>From ${escapeHtml(message.from)} to ${escapeHtml(message.to.join(', '))}, ${escapeHtml(message.receivedAt)}</p>
<pre>${linked(message.text)}</pre>
${html}`,
  );
}

/** Addresses in plain text become links, so that a sign-in link can be clicked. */
function linked(text: string): string {
  return text
    .split(/(https?:\/\/[^\s<>"]+)/)
    .map((part, i) =>
      i % 2 === 1 ? `<a href="${escapeHtml(part)}">${escapeHtml(part)}</a>` : escapeHtml(part),
    )
    .join('');
}
