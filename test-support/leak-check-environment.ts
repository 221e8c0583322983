import { TestEnvironment } from 'jest-environment-node';

/** Kinds of handle that a test file must close again; others (pipes to the test runner, say) are the runner's own. */
const watched = [
  'TCPServerWrap',
  'TCPSocketWrap',
  'UDPWrap',
  'TLSWrap',
  'ProcessWrap',
  'FSEventWrap',
  'Timeout',
];

/** What a handle gets to close after its `close()` was asked for. */
const graceMs = 2_000;

/** What jest-circus tells an environment, as far as we listen (https://jestjs.io/docs/configuration#testenvironment-string). */
interface CircusEvent {
  name: string;
}
interface CircusState {
  unhandledErrors: unknown[];
}

/**
 * Fails a test file that leaves a server, socket, child process or referenced timer open. It looks when everything in
 * the file has run, its top-level `afterAll` included; a hook of a setup file would run before that one.
 */
export default class LeakCheckEnvironment extends TestEnvironment {
  #before = new Map<string, number>();

  async handleTestEvent({ name }: CircusEvent, { unhandledErrors }: CircusState): Promise<void> {
    if (name === 'run_start') this.#before = openHandles();
    if (name !== 'run_finish') return;
    const rest = await leakedAfterGrace(this.#before);
    if (rest.length === 0) return;
    unhandledErrors.push(
      new Error(`This test file left handles open: ${rest.join(', ')}. Close what it started.`),
    );
  }
}

async function leakedAfterGrace(before: Map<string, number>): Promise<string[]> {
  const deadline = Date.now() + graceMs;
  while (leaked(before).length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return leaked(before);
}

function leaked(before: Map<string, number>): string[] {
  return [...openHandles()]
    .filter(([kind, count]) => count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${kind} × ${count}`);
}

function openHandles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (watched.includes(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}
