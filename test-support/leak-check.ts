import { afterAll, beforeAll } from '@jest/globals';

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

function openHandles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (watched.includes(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function leaked(before: Map<string, number>): string[] {
  return [...openHandles()]
    .filter(([kind, count]) => count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${kind} × ${count}`);
}

let before = new Map<string, number>();

beforeAll(() => {
  before = openHandles();
});

/** Fails the file when a server, socket, child process or referenced timer outlives its tests. */
afterAll(async () => {
  const deadline = Date.now() + 2_000;
  while (leaked(before).length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const rest = leaked(before);
  if (rest.length > 0)
    throw new Error(`This test file left handles open: ${rest.join(', ')}. Close what it started.`);
});
