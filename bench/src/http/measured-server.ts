import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ServerMessage } from './serve.ts';

/** A server in a process of its own, whose CPU time can be told apart from the load's. */
export class MeasuredServer {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(
    file: 'our-server.ts' | 'minimal-server.ts',
    databaseUrl: string,
  ): Promise<MeasuredServer> {
    const child = fork(join(import.meta.dirname, file), {
      env: { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: databaseUrl },
    });
    const message = await nextMessage(child);
    if (!('port' in message)) throw new Error(`${file} did not tell its port`);
    return new MeasuredServer(child, message.port);
  }

  /** Used since its start, in milliseconds of one core. */
  async cpuMs(): Promise<number> {
    const answer = nextMessage(this.#child);
    this.#child.send('cpu');
    const message = await answer;
    if (!('cpuMs' in message)) throw new Error('the server told no CPU time');
    return message.cpuMs;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}

async function nextMessage(child: ChildProcess): Promise<ServerMessage> {
  const ended = new AbortController();
  const exited = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`The server ended with ${code} before it answered.`);
  });
  const message = once(child, 'message').then(([value]) => value as ServerMessage);
  try {
    return await Promise.race([message, exited]);
  } finally {
    exited.catch(() => {});
    ended.abort();
  }
}
