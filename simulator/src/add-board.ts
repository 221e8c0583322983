import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BoardMachine } from './board-machine.ts';
import { readEndpoints } from './endpoints.ts';
import { Factory } from './factory.ts';
import { orderOf, sampleBoards, type sampleModels, simCardsOf } from './sample-order.ts';
import { orderSimCards } from './sample-shop.ts';
import type { StepReport } from './step-report.ts';
import { SystemFolder } from './system-folder.ts';
import { untilPersisted } from './wait-for.ts';

export interface AddBoardOptions {
  /** State of the running system. */
  directory: string;
  endpointsFile: string;
  source: string;
  model: (typeof sampleModels)[number];
  report: StepReport;
  signal: AbortSignal;
}

/** One more board for a running system: a batch of one, and the agent on its bundle until the signal. */
export async function runBoard({
  directory,
  endpointsFile,
  source,
  model,
  report,
  signal,
}: AddBoardOptions): Promise<void> {
  const endpoints = readEndpoints(endpointsFile);
  const { backendUrl } = endpoints;
  if (backendUrl === undefined)
    throw new Error('Only the stand-ins are running. Start the whole system with «npm start».');
  const folder = new SystemFolder(directory);
  const factory = new Factory({
    workspace: folder.factory,
    passphraseFile: folder.secretFile('ca-passphrase'),
    endpoints,
    backendUrl,
  });
  const order = orderOf(nextBoardNumber(folder.factory), model);
  const batch = `single-${order.serial.toLowerCase()}`;
  await report.step(`aovis-provision batch run: ${order.serial}`, () =>
    factory.runBatch(factory.writeOrder(batch, [order])),
  );
  await orderSimCards(endpoints, simCardsOf([order]));
  const [provisioned] = factory.boards(batch);
  if (provisioned === undefined) throw new Error(`The batch ${batch} is empty.`);
  const machine = new BoardMachine(provisioned, folder);
  try {
    const running = machine.run(source);
    await report.step('agent up, first fragment PERSISTED', () =>
      Promise.race([untilPersisted(machine.board, signal), running]),
    );
    report.heading(
      `${provisioned.deviceId} is streaming. Its activation code: ${provisioned.activationCode}. Ctrl-C switches it off.`,
    );
    await Promise.race([
      new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true })),
      running,
    ]);
  } finally {
    await machine.stop();
  }
}

/** The lowest number behind all boards ordered so far. */
function nextBoardNumber(workspace: string): number {
  const batches = join(workspace, 'batches');
  const singles = existsSync(batches)
    ? readdirSync(batches).filter((name) => name.startsWith('single-'))
    : [];
  const numbers = singles.map((name) => Number(name.slice(-6))).filter((number) => !Number.isNaN(number));
  return Math.max(sampleBoards.length, ...numbers) + 1;
}
