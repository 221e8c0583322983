import { mkdirSync } from 'node:fs';
import { measureOfflineBatch, measureRawWrites } from '@aovis/provisioning-tool/benchmarks';
import { keepHeapSmall } from '@aovis/provisioning-tool/heap';

/** One measurement of p2, in a process of its own: `<boards> <empty folder> [raw]`. Answers in JSON. */
const [boards = '0', directory = '', raw] = process.argv.slice(2);
// As main.ts of the tool does.
keepHeapSmall();
mkdirSync(directory);
const measured = await (raw === 'raw' ? measureRawWrites : measureOfflineBatch)(directory, Number(boards));
// getrusage(2): maxRSS in KiB.
console.log(JSON.stringify({ ...measured, peakMib: process.resourceUsage().maxRSS / 1024 }));
