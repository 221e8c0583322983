import { AppClient } from './app-client.ts';
import { readEndpoints } from './endpoints.ts';
import { expectAnswer } from './expect-answer.ts';
import { servePlayer } from './player-page.ts';

export interface AppCommandOptions {
  endpointsFile: string;
  email: string;
  /** `devices`, `activate <board> <code>`, `play <board>` or `call <METHOD> <path> [json]`. */
  words: readonly string[];
  signal: AbortSignal;
  write: (text: string) => void;
}

const usage = `Say what the app shall do:
  npm run app -- <email> devices
  npm run app -- <email> activate <board> <code on the label>
  npm run app -- <email> play <board>
  npm run app -- <email> call <METHOD> <path> [json body]`;

/** What the customer's app does, from a terminal: signs in by magic link, then one thing. */
export async function runApp({
  endpointsFile,
  email,
  words,
  signal,
  write,
}: AppCommandOptions): Promise<void> {
  const { backendUrl, mail } = readEndpoints(endpointsFile);
  if (backendUrl === undefined)
    throw new Error('Only the stand-ins are running. Start the whole system with «npm start».');
  const app = new AppClient({ backendUrl, mailUrl: mail.url });
  const show = (value: unknown): void => write(`${JSON.stringify(value, null, 2)}\n`);
  const [verb, first, second, third] = words;
  if (verb === undefined) throw new Error(usage);
  await app.signIn(email);
  if (verb === 'devices') return show((await app.call('GET', '/api/devices')).body);
  if (verb === 'activate' && first !== undefined && second !== undefined)
    return show((await app.activate(first, second)).body);
  if (verb === 'call' && first !== undefined && second !== undefined) {
    const body: unknown = third === undefined ? undefined : JSON.parse(third);
    return show((await app.call(first.toUpperCase(), second, body)).body);
  }
  if (verb !== 'play' || first === undefined) throw new Error(usage);
  const { url } = expectAnswer(await app.stream(first), 200);
  const player = await servePlayer(url);
  write(`Open this in a browser to see the live picture; Ctrl-C ends it:\n  ${player.url}\n`);
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await player.close();
}
