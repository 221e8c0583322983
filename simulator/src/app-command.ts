import { AppClient, type ConfigChange } from './app-client.ts';
import { AppSessions } from './app-sessions.ts';
import { readEndpoints } from './endpoints.ts';
import { type Answer, expectAnswer } from './expect-answer.ts';
import { serveLivePage } from './live-page.ts';
import { servePlayer } from './player-page.ts';

export interface AppCommandOptions {
  endpointsFile: string;
  /** Where sign-ins are kept between commands. */
  sessionsFile: string;
  email: string;
  /** `devices`, `activate <board> <code>`, `play <board>`, `live <board>`, `configure <board> <json>` or `call <METHOD> <path> [json]`. */
  words: readonly string[];
  signal: AbortSignal;
  write: (text: string) => void;
}

const usage = `Say what the app shall do:
  npm run app -- <email> devices
  npm run app -- <email> activate <board> <code on the label>
  npm run app -- <email> play <board>
  npm run app -- <email> live <board>
  npm run app -- <email> configure <board> <json settings, e.g. '{"telemetry":{"interval_s":30}}'>
  npm run app -- <email> call <METHOD> <path> [json body]`;

/** What a wish may have done by the app. */
export type AppActions = Pick<AppClient, 'call' | 'activate' | 'configure'>;

export type Wish =
  | { kind: 'call'; call: (app: AppActions) => Promise<Answer> }
  | { kind: 'play' | 'live'; board: string };

/**
 * What the customer's app does, from a terminal: signs in by magic link unless it still is, then one thing. Throws when
 * the backend refuses, after showing its answer.
 */
export async function runApp(options: AppCommandOptions): Promise<void> {
  const { endpointsFile, sessionsFile, email, signal, write } = options;
  const wish = parseWords(options.words);
  const { backendUrl, mail } = readEndpoints(endpointsFile);
  if (backendUrl === undefined)
    throw new Error('Only the stand-ins are running. Start the whole system with «npm start».');
  const app = new AppClient({ backendUrl, mailUrl: mail.url });
  await signIn(app, email, new AppSessions(sessionsFile));
  if (wish.kind === 'call') {
    const { status, body } = await wish.call(app);
    if (body !== undefined) write(`${JSON.stringify(body, null, 2)}\n`);
    if (status >= 400) throw new Error(`The backend refused with HTTP status ${status}.`);
    return;
  }
  const page = wish.kind === 'play' ? await play(app, wish.board) : await live(app, wish.board);
  write(`Open this in a browser to see the live picture; Ctrl-C ends it:\n  ${page.url}\n`);
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await page.close();
}

/** The stream that is recorded, some seconds old. */
async function play(app: AppClient, board: string): Promise<{ url: string; close(): Promise<void> }> {
  const { url } = expectAnswer(await app.stream(board), 200);
  return servePlayer(url);
}

/** From the board itself, as it happens. */
async function live(app: AppClient, board: string): Promise<{ url: string; close(): Promise<void> }> {
  // A refusal is better read here than in the page.
  expectAnswer(await app.inviteViewer(board), 200);
  return serveLivePage(() => app.inviteViewer(board));
}

async function signIn(app: AppClient, email: string, sessions: AppSessions): Promise<void> {
  const kept = sessions.find(email);
  const resumed = kept === undefined ? undefined : await app.resume(kept);
  const { refresh_token: refreshToken } = resumed ?? (await app.signIn(email));
  sessions.keep(email, refreshToken);
}

/** Before anything is sent: a mistyped command costs no sign-in. */
export function parseWords([verb, ...rest]: readonly string[]): Wish {
  const [first, second, third] = rest;
  if (verb === 'devices') return { kind: 'call', call: (app) => app.call('GET', '/api/devices') };
  if (verb === 'activate' && first !== undefined && second !== undefined)
    return { kind: 'call', call: (app) => app.activate(first, second) };
  if (verb === 'configure' && first !== undefined && second !== undefined) {
    // Unchecked: that the backend and the board refuse what they must is what somebody may want to see.
    const desired = parseBody(second) as ConfigChange;
    return { kind: 'call', call: (app) => app.configure(first, desired) };
  }
  if (verb === 'call' && first !== undefined && second?.startsWith('/') === true) {
    const body = third === undefined ? undefined : parseBody(third);
    return { kind: 'call', call: (app) => app.call(first.toUpperCase(), second, body) };
  }
  if ((verb === 'play' || verb === 'live') && first !== undefined) return { kind: verb, board: first };
  throw new Error(usage);
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`The body is no JSON; quote it for the shell, as in '{"name":"Door"}'.`, { cause });
  }
}
