import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Store } from './store.ts';

describe('Store', () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'store-'));
    file = join(directory, 'state.sqlite');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('keeps what was put, and forgets what was deleted, over a restart', () => {
    const first = new Store(file);
    first.table<{ name: string }>('things').put('a', { name: 'one' });
    first.table<{ name: string }>('things').put('b', { name: 'two' });
    first.table('things').delete('a');
    first.close();
    const second = new Store(file);
    expect([...second.table('things').entries()]).toEqual([['b', { name: 'two' }]]);
    second.close();
  });

  it('undoes a transaction that throws, in memory too', () => {
    const store = new Store(file);
    const table = store.table<number>('numbers');
    table.put('kept', 1);
    const { revision } = table;
    expect(() =>
      store.transaction(() => {
        table.put('kept', 2);
        table.put('lost', 3);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect([...table.entries()]).toEqual([['kept', 1]]);
    expect(table.revision).toBeGreaterThan(revision);
    store.close();
  });

  it('loses no acknowledged row when its process is killed', async () => {
    const writer = spawn(process.execPath, [join(__dirname, 'testing/store-writer.ts'), file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let acknowledged = -1;
    const ended = once(writer, 'exit');
    for await (const line of createInterface({ input: writer.stdout })) {
      acknowledged = Number(line);
      if (acknowledged === 500) writer.kill('SIGKILL');
    }
    await ended;
    const store = new Store(file);
    const table = store.table<{ i: number }>('rows');
    expect(acknowledged).toBeGreaterThanOrEqual(500);
    for (let i = 0; i <= acknowledged; i++) expect(table.get(`row-${i}`)).toEqual({ i });
    store.close();
  });

  it('forgets everything on reset', () => {
    const store = new Store(file);
    store.table('a').put('x', 1);
    store.reset();
    expect(store.table('a').size).toBe(0);
    store.close();
  });
});
