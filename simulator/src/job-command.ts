import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { JobDocument } from '@aovis/contracts/jobs';
import { backendEnvironment } from './backend-environment.ts';
import { readBoardStatus } from './board.ts';
import { type Endpoints, readEndpoints } from './endpoints.ts';
import { listJobs } from './job-list.ts';
import { JobStore } from './job-store.ts';
import { type BoardWish, parseJobWords } from './job-words.ts';
import { runShown } from './managed-process.ts';
import { SystemFolder } from './system-folder.ts';
import { makeRelease } from './vendor.ts';

export interface JobCommandOptions {
  /** State of the running system. */
  directory: string;
  endpointsFile: string;
  /** `list`, or a board and what it shall do; see `parseJobWords`. */
  words: readonly string[];
  /** Of a job to go on with. */
  jobId?: string | undefined;
  write: (text: string) => void;
}

const operatorProgram = join(import.meta.dirname, '../../backend/src/cli.ts');

/** What the agent of this repository is followed by, if the board does not say what it runs. */
const firstVersion = '0.1.0';

/**
 * Gives a board of the running system a job and stays until its end, by the operator's own command on the backend's environment. Throws
 * when the job does not succeed, after showing how it ended.
 */
export async function runJob(options: JobCommandOptions): Promise<void> {
  const { directory, endpointsFile, write } = options;
  const wish = parseJobWords(options.words, options.jobId);
  const endpoints = readEndpoints(endpointsFile);
  if (wish === 'list') {
    write(await listJobs(endpoints));
    return;
  }
  const { deviceId } = wish;
  const folder = new SystemFolder(directory);
  const status = await readBoardStatus(folder.boardState(deviceId));
  if (!status.running)
    write(
      `No agent answers in ${folder.boardState(deviceId)}. If the board is off, the job waits until it is on, also after Ctrl-C.\n`,
    );
  const desk = new JobDesk({ folder, endpoints, write });
  if (wish.operation === 'rotate-certificate')
    await desk.order('rotate-certificate', ['--id', deviceId, ...jobFlags(wish)]);
  else if (wish.operation === 'reboot') await desk.give(wish, { operation: 'reboot' });
  else if (wish.operation === 'upload-logs') await desk.fetchLogs(wish);
  else await desk.update(wish, wish.version ?? nextVersion(status.version));
}

/** Where an operator of this system sits. */
class JobDesk {
  readonly #folder: SystemFolder;
  readonly #environment: Record<string, string>;
  readonly #write: (text: string) => void;

  constructor(options: { folder: SystemFolder; endpoints: Endpoints; write: (text: string) => void }) {
    const { folder, endpoints, write } = options;
    const { backendUrl, databaseUrl } = endpoints;
    if (backendUrl === undefined || databaseUrl === undefined)
      throw new Error('Only the stand-ins are running. Start the whole system with «npm start».');
    const port = Number(new URL(backendUrl).port);
    this.#folder = folder;
    this.#environment = backendEnvironment({ endpoints, folder, databaseUrl, port });
    this.#write = write;
  }

  /** `backend:cli -- board …`. */
  async order(verb: 'job' | 'rotate-certificate', flags: readonly string[]): Promise<void> {
    const words = ['board', verb, ...flags];
    const code = await runShown(
      {
        name: `backend ${words.join(' ')}`,
        args: [operatorProgram, ...words],
        env: this.#environment,
        cwd: this.#folder.root,
      },
      this.#write,
    );
    if (code !== 0)
      throw new Error(
        'That did not succeed. What the codes of a job mean stands in device-agent/src/jobs/README.md.',
      );
  }

  async give(wish: BoardWish, document: JobDocument): Promise<void> {
    const file = join(this.#folder.root, 'job.json');
    writeFileSync(file, JSON.stringify(document), { mode: 0o600 });
    await this.order('job', ['--id', wish.deviceId, '--file', file, ...jobFlags(wish)]);
  }

  async fetchLogs(wish: BoardWish): Promise<void> {
    const store = await JobStore.open();
    try {
      await this.give(wish, { operation: 'upload-logs', url: store.url, max_bytes: 1024 * 1024 });
      const { received } = store;
      if (received === undefined) throw new Error('The board says that it has sent its log; nothing came.');
      const file = join(this.#folder.sentLogs, `${wish.deviceId}.log`);
      mkdirSync(this.#folder.sentLogs, { recursive: true, mode: 0o700 });
      writeFileSync(file, gunzipSync(received), { mode: 0o600 });
      this.#write(`The log is in ${file}.\n`);
    } finally {
      await store.close();
    }
  }

  async update(wish: BoardWish, version: string): Promise<void> {
    const { program, statement } = await makeRelease(this.#folder, version);
    const store = await JobStore.open(program);
    try {
      this.#write(`The agent of this repository, bundled as ${version} and signed.\n`);
      await this.give(wish, { operation: 'update-agent', url: store.url, ...statement });
      const kept = join(this.#folder.boardState(wish.deviceId), 'software');
      this.#write(
        `${wish.deviceId} runs this release from now on, after the next npm start too. For the agent that npm start bundles, ` +
          `delete ${kept} while the board is switched off.\n`,
      );
    } finally {
      await store.close();
    }
  }
}

const jobFlags = ({ jobId }: BoardWish): string[] => (jobId === undefined ? [] : ['--job', jobId]);

function nextVersion(running = firstVersion): string {
  const [major = 0, minor = 0, patch = 0] = running.split('.').map((part) => Number.parseInt(part, 10));
  return `${major}.${minor}.${patch + 1}`;
}
