import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, jest } from '@jest/globals';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { KilledBoard } from './testing/killed-board.ts';

const document = { operation: 'rotate-certificate' };

/** Some dozen starts of Node.js on a busy machine. */
jest.setTimeout(180_000);

let board: KilledBoard;
afterEach(() => board.stop());

/** The board comes back on the one certificate that still may connect, and stays there. */
async function comesBack(): Promise<void> {
  await board.kill();
  const connected = board.untilConnectedBy(() => board.present);
  board.start();
  await connected;
}

it('ends on one certificate that works, whatever word of it was its last', async () => {
  board = await KilledBoard.create(await temporaryDirectory());
  for (let last = 1, silent = false; !silent; last++) {
    const jobId = `after-${last}`;
    let words = 0;
    const killed = new Promise<boolean>((resolve) => {
      board.onWord = () => {
        words += 1;
        // The service answers all the same, to nobody.
        if (words === last) void board.kill().then(() => resolve(true));
      };
    });
    board.service.add(jobId, document);
    board.start();
    const through = board.untilEnded(jobId).then(() => false);
    // One that goes through with fewer words has none left to be killed at.
    silent = !(await Promise.race([killed, through]));
    board.onWord = () => {};
    await comesBack();
    await board.untilEnded(jobId);
    expect(board.service.find(jobId).status).toBe('SUCCEEDED');
    await comesBack();
    await board.kill();
    expect(last).toBeLessThan(20);
  }
  expect(new Set(board.connectedBy).size).toBeGreaterThan(5);
});

it('ends on one certificate that works when it is killed at random and the job is cancelled at random', async () => {
  board = await KilledBoard.create(await temporaryDirectory());
  for (let round = 0; round < 12; round++) {
    const jobId = `round-${round}`;
    board.service.add(jobId, document);
    board.start();
    // The kill is to come at any instant, not at one that the board tells of.
    await delay(200 + Math.random() * 800);
    await board.kill();
    if (Math.random() < 0.5) board.end(jobId, Math.random() < 0.5 ? 'CANCELED' : 'TIMED_OUT');
    await comesBack();
    await board.untilEnded(jobId);
    await comesBack();
    await board.kill();
  }
  expect(new Set(board.connectedBy).size).toBeGreaterThan(1);
});
