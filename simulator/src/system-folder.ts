import { randomBytes, randomInt } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';

/**
 * The folder that holds everything of one local system: state of each program, secrets, logs. Wiping it wipes the
 * system. Ports and secrets are made once and remembered, so that boards provisioned yesterday find their cloud today.
 */
export class SystemFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = resolve(root);
    mkdirSync(this.root, { recursive: true, mode: 0o700 });
  }

  get database(): string {
    return join(this.root, 'postgres');
  }
  get cloud(): string {
    return join(this.root, 'cloud');
  }
  get factory(): string {
    return join(this.root, 'factory');
  }
  boardState(deviceId: string): string {
    return join(this.root, 'boards', deviceId);
  }
  /** Tells one boot of a simulated board from the next. */
  bootId(deviceId: string): string {
    return join(this.root, 'machines', deviceId, 'boot-id');
  }
  /** What simulated boards find on their PATH. */
  get programs(): string {
    return join(this.root, 'bin');
  }
  /** Where logs are put that boards have sent. */
  get sentLogs(): string {
    return join(this.root, 'sent-logs');
  }
  log(program: string): string {
    return join(this.root, 'logs', `${program}.log`);
  }

  /** A secret of this system, made at first use: `bytes` random bytes in base64url, in a file of mode 0600. */
  secretFile(name: string, bytes = 32): string {
    const file = this.secretPath(name);
    return existsSync(file) ? file : this.keepSecret(name, randomBytes(bytes).toString('base64url'));
  }

  /** Keeps a secret that was made elsewhere, in a file of mode 0600; answers which. */
  keepSecret(name: string, text: string): string {
    const file = this.secretPath(name);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeWhole(file, text);
    return file;
  }

  secretPath(name: string): string {
    return join(this.root, 'secrets', name);
  }

  secret(name: string, bytes = 32): string {
    return readFileSync(this.secretFile(name, bytes), 'utf8');
  }

  /**
   * The port of a program: a free one at first, the same one ever after. Throws a sentence when another program
   * has taken it meanwhile.
   */
  async port(program: string): Promise<number> {
    const file = join(this.root, 'ports.json');
    const ports = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>) : {};
    const remembered = ports[program];
    if (remembered !== undefined) {
      if (await isFree(remembered)) return remembered;
      throw new Error(
        `Port ${remembered}, which ${program} of this system uses, is taken by another program. End that program, or forget the port by deleting ${file}.`,
      );
    }
    const port = await freePort();
    writeWhole(file, `${JSON.stringify({ ...ports, [program]: port }, null, 2)}\n`);
    return port;
  }
}

function writeWhole(file: string, text: string): void {
  const part = `${file}.part`;
  writeFileSync(part, text, { mode: 0o600 });
  chmodSync(part, 0o600);
  renameSync(part, file);
}

/** Below the ports that operating systems give to outgoing connections: one of those would take it between two runs. */
const portRange = { from: 20_000, count: 12_000 };
const attempts = 50;

async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = portRange.from + randomInt(portRange.count);
    if (await isFree(port)) return port;
  }
  throw new Error(
    `No free port was found between ${portRange.from} and ${portRange.from + portRange.count}.`,
  );
}

async function isFree(port: number): Promise<boolean> {
  return withListener(port, () => true).catch(() => false);
}

async function withListener<T>(port: number, read: (port: number) => T): Promise<T> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  const address = server.address();
  await new Promise<void>((done) => server.close(() => done()));
  return read(typeof address === 'object' && address !== null ? address.port : port);
}
