import { setImmediate as turn } from 'node:timers/promises';
import { Store } from '../store.ts';

/** Run as a process: writes rows until it is killed, and prints the number of each after it was written. */
const table = new Store(process.argv[2] ?? '').table<{ i: number }>('rows');
for (let i = 0; ; i++) {
  table.put(`row-${i}`, { i });
  process.stdout.write(`${i}\n`);
  await turn();
}
