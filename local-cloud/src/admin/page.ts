import type { AdminRoute } from '../kernel/admin-route.ts';
import type { Faults } from '../kernel/faults.ts';
import { escapeHtml, page } from '../kernel/html.ts';
import { recipes } from './recipes.ts';

export interface IndexPageContent {
  adminUrl: string;
  endpoints: Readonly<Record<string, string>>;
  account: string;
  boards: ConnectedBoard[];
  /** Names of the video streams. */
  streams: readonly string[];
  faults: ReturnType<Faults['list']>;
  throttling: boolean;
  clockOffsetMs: number;
  roles: string[];
  groups: { name: string; routes: readonly AdminRoute[] }[];
}

/** A connected MQTT client, as the index page shows it. */
export interface ConnectedBoard {
  clientId: string;
  /** Milliseconds since the epoch. */
  connectedAt: number;
  subscriptions: readonly string[];
}

/** QA's home: what runs, in which state it is, how to break it, and everything that can be asked of it. */
export function indexPage(content: IndexPageContent): string {
  const { adminUrl, boards, faults } = content;
  const [board] = boards;
  // How streams are named is the client's affair; most name them after the board.
  const stream = content.streams.find((name) => board !== undefined && name.includes(board.clientId));
  return page(
    'local-cloud',
    `<h1>local-cloud</h1>
<p>Stand-ins for the cloud services of AOVIS Direct, on this machine only. Reload to see the present state.</p>
<h2>State</h2>
${table(stateRows(content))}
<h2>Boards connected: ${boards.length}</h2>
${boards.length === 0 ? quiet('None. «npm run board» switches one on.') : boardTable(boards)}
<h2>Faults active: ${faults.length}</h2>
${faults.length === 0 ? quiet('None. Commands that set some are below.') : faultTable(faults, adminUrl)}
<h2>Services</h2>
${table(endpointRows(content.endpoints))}
<h2>Break something</h2>
<p>Paste a line into a terminal. <code>times</code> counts down; without it a fault stays until it is removed.
${board === undefined ? 'Put a thing name in place of <code>BOARD</code>.' : `The lines name ${code(board.clientId)}, which is connected.`}
${stream === undefined ? 'Put a stream name in place of <code>STREAM</code>.' : ''}</p>
${recipes(adminUrl, board?.clientId, stream)
  .map(
    ({ title, command }) => `<p class="recipe">${escapeHtml(title)}</p>\n<pre>${escapeHtml(command)}</pre>`,
  )
  .join('\n')}
<h2>All routes</h2>
${content.groups
  .filter(({ routes }) => routes.length > 0)
  .map(
    ({ name, routes }) =>
      `<h3>${escapeHtml(name)}</h3>\n${table(routes.map((route) => [routeCell(route), escapeHtml(route.summary)]))}`,
  )
  .join('\n')}`,
  );
}

function stateRows({ account, throttling, clockOffsetMs, roles }: IndexPageContent): string[][] {
  return [
    ['account', escapeHtml(account)],
    ['throttles', throttling ? "on, at AWS's default rates" : 'off'],
    ['clock', clockOffsetMs === 0 ? "this machine's" : `${clockOffsetMs} ms off this machine's`],
    ['roles', roles.map(code).join(', ') || 'none'],
  ];
}

function endpointRows(endpoints: Readonly<Record<string, string>>): string[][] {
  return Object.entries(endpoints).map(([name, address]) => [
    escapeHtml(name),
    address.startsWith('http')
      ? `<a href="${escapeHtml(address)}">${escapeHtml(address)}</a>`
      : code(address),
  ]);
}

function boardTable(boards: readonly ConnectedBoard[]): string {
  const shown = boards
    .slice(0, boardsShown)
    .map(({ clientId, connectedAt, subscriptions }) => [
      code(clientId),
      `since ${new Date(connectedAt).toISOString().slice(0, 19)}Z`,
      `${subscriptions.length} subscriptions`,
    ]);
  const rest = boards.length - shown.length;
  return table(shown) + (rest > 0 ? quiet(`… and ${rest} more: GET /_local/mqtt/connections`) : '');
}

/** Enough for a desk; a thousand simulated boards would bury the rest of the page. */
const boardsShown = 20;

function faultTable(faults: ReturnType<Faults['list']>, adminUrl: string): string {
  return table(
    faults.map(({ id, rule }) => [
      code(JSON.stringify(rule)),
      `remove: ${code(`curl -X DELETE ${adminUrl}/_local/faults/${id}`)}`,
    ]),
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

function quiet(text: string): string {
  return `<p class="quiet">${escapeHtml(text)}</p>`;
}

function table(rows: (string | undefined)[][]): string {
  return `<table>\n${rows
    .map((cells) => `<tr>${cells.map((cell) => `<td>${cell ?? ''}</td>`).join('')}</tr>`)
    .join('\n')}\n</table>`;
}
