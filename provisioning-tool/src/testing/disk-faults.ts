import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { type DiskFault, diskFaultVariable } from './disk-fault.ts';

type Handle = Awaited<ReturnType<typeof fsPromises.open>>;

/**
 * Preloaded into a run of the tool (`node --import`), this makes one operation on a file go wrong. A killed process is gone as in a
 * power cut; the rest fails as a full disk does.
 */
class Injector {
  readonly #fault: DiskFault;
  readonly #names = new WeakMap<object, string>();
  #seen = 0;

  constructor(fault: DiskFault) {
    this.#fault = fault;
  }

  async install(): Promise<void> {
    const { open, rename } = fsPromises;
    const probe = await open('/dev/null', 'r');
    const prototype = Object.getPrototypeOf(probe) as Handle;
    await probe.close();
    const names = this.#names;
    const run = this.#run.bind(this);
    const original = <Name extends keyof Handle>(name: Name) => Reflect.get(prototype, name) as Handle[Name];
    const appendFile = original('appendFile');
    const writeFile = original('writeFile');
    const datasync = original('datasync');
    const sync = original('sync');
    prototype.appendFile = function patched(this: Handle, data, ...rest) {
      const write = (content: typeof data) => appendFile.call(this, content, ...rest);
      return run(
        'write',
        names.get(this),
        () => write(data),
        () => write(halfOf(data)),
      );
    };
    prototype.writeFile = function patched(this: Handle, data, ...rest) {
      const write = (content: typeof data) => writeFile.call(this, content, ...rest);
      return run(
        'write',
        names.get(this),
        () => write(data),
        () => write(halfOf(data)),
      );
    };
    prototype.datasync = function patched(this: Handle) {
      return run('sync', names.get(this), () => datasync.call(this));
    };
    prototype.sync = function patched(this: Handle) {
      return run('sync', names.get(this), () => sync.call(this));
    };
    fsPromises.open = async (path, ...rest) => {
      const handle = await open(path, ...rest);
      names.set(handle, basename(String(path)));
      return handle;
    };
    fsPromises.rename = (from, to) => run('rename', basename(String(to)), () => rename(from, to));
    syncBuiltinESMExports();
  }

  async #run(
    operation: DiskFault['operation'],
    file: string | undefined,
    whole: () => Promise<void>,
    half: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const isMeant =
      [operation, 'any'].includes(this.#fault.operation) && [file, '*'].includes(this.#fault.file);
    if (!isMeant || ++this.#seen !== this.#fault.at) return await whole();
    const { effect } = this.#fault;
    if (effect === 'kill-after') await whole();
    if (effect === 'kill-torn' || effect === 'enospc-torn') await half();
    if (effect.startsWith('kill')) process.kill(process.pid, 'SIGKILL');
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  }
}

function halfOf<T>(data: T): T {
  if (typeof data === 'string') return data.slice(0, Math.floor(data.length / 2)) as T;
  return data;
}

const given = process.env[diskFaultVariable];
if (given !== undefined) await new Injector(JSON.parse(given) as DiskFault).install();
