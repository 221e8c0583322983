import type { AdminRoute } from '../kernel/admin-route.ts';
import type { Faults } from '../kernel/faults.ts';
import { escapeHtml, page } from '../kernel/html.ts';

export interface IndexPageContent {
  endpoints: Readonly<Record<string, string>>;
  account: string;
  faults: ReturnType<Faults['list']>;
  throttling: boolean;
  clockOffsetMs: number;
  roles: string[];
  groups: { name: string; routes: readonly AdminRoute[] }[];
}

/** What runs, in which state it is, and everything that can be asked of it. */
export function indexPage(content: IndexPageContent): string {
  const endpoints = Object.entries(content.endpoints).map(([name, address]) => [
    escapeHtml(name),
    address.startsWith('http')
      ? `<a href="${escapeHtml(address)}">${escapeHtml(address)}</a>`
      : code(address),
  ]);
  const state = [
    ['account', escapeHtml(content.account)],
    ['throttles', content.throttling ? "on, at AWS's default rates" : 'off'],
    [
      'clock',
      content.clockOffsetMs === 0 ? "this machine's" : `${content.clockOffsetMs} ms off this machine's`,
    ],
    ['roles', content.roles.map(code).join(', ') || 'none'],
    [
      'faults',
      content.faults.map(({ id, rule }) => `${code(id)} ${code(JSON.stringify(rule))}`).join('<br>') ||
        'none',
    ],
  ];
  const groups = content.groups
    .filter(({ routes }) => routes.length > 0)
    .map(
      ({ name, routes }) =>
        `<h2>${escapeHtml(name)}</h2>\n${table(routes.map((route) => [routeCell(route), escapeHtml(route.summary)]))}`,
    );
  return page(
    'local-cloud',
    `<h1>local-cloud</h1>
<p>Stand-ins for the cloud services of AOVIS Direct, on this machine only.</p>
${table(endpoints)}
<h2>State</h2>
${table(state)}
${groups.join('\n')}`,
  );
}

/** What can simply be looked at is a link. */
function routeCell({ method, path }: AdminRoute): string {
  const text = `<code>${method} ${escapeHtml(path)}</code>`;
  return method === 'GET' && !path.includes('{') ? `<a href="${escapeHtml(path)}">${text}</a>` : text;
}

function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

function table(rows: (string | undefined)[][]): string {
  return `<table>\n${rows
    .map((cells) => `<tr>${cells.map((cell) => `<td>${cell ?? ''}</td>`).join('')}</tr>`)
    .join('\n')}\n</table>`;
}
