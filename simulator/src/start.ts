import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { BoardMachine } from './board-machine.ts';
import { buildAgent } from './build-agent.ts';
import { LocalSystem } from './local-system.ts';
import type { ManagedProcess } from './managed-process.ts';
import { sampleBatch, sampleBoards, simCardsOf } from './sample-order.ts';
import { fillShop, orderSimCards } from './sample-shop.ts';
import type { StepReport } from './step-report.ts';

export interface StartOptions {
  directory: string;
  /** Written when all is up, for people and programs that want to find their way around; removed on exit. */
  endpointsFile: string;
  databaseUrl?: string | undefined;
  report: StepReport;
  signal: AbortSignal;
}

/** Starts the whole system, tells where to look and what to type, and stays up until the signal. */
export async function runStart({
  directory,
  endpointsFile,
  databaseUrl,
  report,
  signal,
}: StartOptions): Promise<void> {
  const system = new LocalSystem({ directory, databaseUrl });
  system.open();
  let machine: BoardMachine | undefined;
  try {
    report.heading('Starting AOVIS Direct on this machine');
    await report.step('PostgreSQL', () => system.startDatabase());
    await report.step('schema migrated', () => system.migrate());
    await report.step('local-cloud: AWS, sign-in, mail', () => system.startCloud());
    await report.step('backend', () => system.startBackend());
    await report.step('account: policy, role, thing type', () => system.prepareAccount());
    await report.step('CA and station key', () => system.prepareFactory());
    await report.step(`batch «${sampleBatch}» of ${sampleBoards.length} boards`, () =>
      provisionSamples(system),
    );
    await report.step('shop: a camera, a data plan, SIM cards at the carrier', () => openShop(system));
    signal.throwIfAborted();
    const [first] = system.factory.boards(sampleBatch);
    if (first === undefined) throw new Error('The sample batch is empty.');
    await report.step('agent bundled into one file', () => buildAgent());
    machine = new BoardMachine(first, system.folder);
    const board = machine.run();
    writeSystemEndpoints(system, endpointsFile);
    report.heading(guide(system, endpointsFile));
    await untilStopped(system.programs, board, signal);
  } finally {
    rmSync(endpointsFile, { force: true });
    await machine?.stop();
    await system.stop();
  }
}

async function provisionSamples(system: LocalSystem): Promise<void> {
  const csv = join(system.folder.factory, `${sampleBatch}.csv`);
  if (!existsSync(csv)) system.factory.writeOrder(sampleBatch, sampleBoards);
  // Finished boards are left as they are; a batch that was interrupted goes on.
  await system.factory.runBatch(csv);
}

async function openShop(system: LocalSystem): Promise<void> {
  await fillShop(system);
  await orderSimCards(system.endpoints, simCardsOf(sampleBoards));
}

/** Resolves when asked to stop; rejects when a program of the system ends by itself. */
async function untilStopped(
  programs: readonly ManagedProcess[],
  board: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const failures = programs.map(async (program) => {
    await program.exited;
    if (!signal.aborted && !program.stopping) throw program.failure();
  });
  await Promise.race([stopped, ...[...failures, board].map((failure) => failure.then(() => stopped))]);
}

function writeSystemEndpoints(system: LocalSystem, file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const text = JSON.stringify(
    { ...system.endpoints, backendUrl: system.backendUrl, databaseUrl: system.databaseUrl },
    null,
    2,
  );
  writeFileSync(`${file}.part`, `${text}\n`, { mode: 0o600 });
  renameSync(`${file}.part`, file);
}

function guide(system: LocalSystem, endpointsFile: string): string {
  const { endpoints, backendUrl } = system;
  const labels = system.factory
    .boards(sampleBatch)
    .map(
      ({ deviceId, activationCode }, i) =>
        `    ${deviceId}   ${activationCode}${i === 0 ? '   switched on, streaming' : ''}`,
    );
  const here = (path: string): string => relative('.', path);
  return `Running. Ctrl-C stops everything.

  look
    HTTP API, to read and try     ${backendUrl}/docs
    mail that was sent            ${endpoints.mail.url}
    the stand-ins, faults         ${endpoints.iot.adminUrl}/_local
    logs                          ${here(join(system.folder.root, 'logs'))}
    all endpoints, for programs   ${here(endpointsFile)}

  boards and the codes on their labels
${labels.join('\n')}

  type, in another terminal
    npm run board                                                 one more board, provisioned and switched on
    npm run board -- --model p4k                                  one that confirms its activation itself
    npm run job -- <board> reboot                                 a job, as operations gives it; also rotate-certificate,
                                                                  upload-logs, update-agent; «npm run job -- list»
    npm run button -- <board>                                     press its button: it can be claimed for 15 minutes
    npm run app -- anna@example.com activate <board> <code>       what the customer's app does
    npm run app -- anna@example.com play <board>                  the recorded stream in a browser, seconds old
    npm run app -- anna@example.com live <board>                  the live view in a browser, from the board itself
    npm run app -- anna@example.com configure <board> '{"telemetry":{"interval_s":30}}'   settings of the board
    npm run app -- anna@example.com call GET /api/store/products  any call of the API, e.g. what the shop sells
    npm run provision -- --help                                   the factory's tool`;
}
