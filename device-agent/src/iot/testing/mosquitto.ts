import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestCa } from '../../testing/test-pki.ts';

/** Eclipse mosquitto with mutual TLS; who connects is called by the common name of the certificate. */
export class Mosquitto {
  readonly #configuration: string;
  #process: ChildProcess | undefined;
  readonly port: number;
  /** Its log, line by line. */
  readonly log: string[] = [];

  private constructor(configuration: string, port: number) {
    this.#configuration = configuration;
    this.port = port;
  }

  /**
   * @param directory takes its files
   * @param revocations the CA's list, PEM
   */
  static async start(directory: string, ca: TestCa, revocations: string): Promise<Mosquitto> {
    const { certificate, privateKey } = await ca.issueServer();
    const contents = {
      'ca.pem': ca.certificate,
      'crl.pem': revocations,
      'server.pem': certificate,
      'server.key': privateKey,
    };
    for (const [name, content] of Object.entries(contents)) await writeFile(join(directory, name), content);
    const port = await freePort();
    const lines = [
      `listener ${port} 127.0.0.1`,
      // Started by root it would become another user, who cannot read these files.
      'user root',
      `cafile ${join(directory, 'ca.pem')}`,
      `crlfile ${join(directory, 'crl.pem')}`,
      `certfile ${join(directory, 'server.pem')}`,
      `keyfile ${join(directory, 'server.key')}`,
      'require_certificate true',
      'use_identity_as_username true',
      'log_type all',
    ];
    const configuration = join(directory, 'mosquitto.conf');
    await writeFile(configuration, `${lines.join('\n')}\n`);
    const mosquitto = new Mosquitto(configuration, port);
    await mosquitto.restart();
    return mosquitto;
  }

  /** Starts it again; sessions are gone. */
  async restart(): Promise<void> {
    const started = spawn('mosquitto', ['-c', this.#configuration], {
      stdio: ['ignore', 'ignore', 'pipe'],
      // Where Debian puts it, which is not on everybody's path.
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin` },
    });
    this.#process = started;
    for await (const line of createInterface({ input: started.stderr })) {
      this.log.push(line);
      if (/version .* running/.test(line)) break;
    }
    if (started.exitCode !== null || started.signalCode !== null)
      throw new Error(`mosquitto ended:\n${this.log.join('\n')}`);
    createInterface({ input: started.stderr }).on('line', (line) => this.log.push(line));
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = once(running, 'close');
    running.kill('SIGKILL');
    await ended;
  }
}

/** mosquitto takes 0 for no listener at all: a port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
