import { createLogger } from '../../host/logger.ts';
import { FragmentDisk } from '../fragment-disk.ts';
import { fragmentAt } from './fragments.ts';

/**
 * Puts fragments on the disk until it is killed: `node fragment-writer.ts DIRECTORY FIRST`. Says `stored N` when the fragment of
 * second N is there, and `removing N` before it removes one.
 */
async function main(): Promise<void> {
  const [directory = '', first = '1'] = process.argv.slice(2);
  const logger = createLogger({ level: 'silent' });
  const disk = new FragmentDisk({ directory, maxBytes: 1e9, freeBytes: () => undefined, logger });
  await disk.open();
  for (let second = Number(first); ; second++) {
    const fragment = fragmentAt(second, { bytes: 50_000 + (second % 7) * 10_000 });
    if (!(await disk.store(fragment))) throw new Error(disk.failure);
    process.stdout.write(`stored ${second}\n`);
    if (second % 3 !== 0) continue;
    process.stdout.write(`removing ${second}\n`);
    disk.remove(fragment);
  }
}

void main();
