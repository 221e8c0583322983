import { cp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { specOf } from '../cli/command-spec.ts';
import { describedProgram } from '../cli/described-program.ts';
import { commandsOf } from '../cli/program.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';

interface Rehearsal {
  /** What stands behind the command. */
  words: (factory: FactoryFixture) => string[] | Promise<string[]>;
  /** Where it is rehearsed: in no workspace at all, or in one with a finished batch `boards`. Default: the latter. */
  where?: 'nowhere';
}

const reason = ['--reason', 'a rehearsal of it'];
const board = (...more: string[]): Rehearsal => ({ words: () => ['N4K-000001', ...reason, ...more] });

/** Every command that changes something, with what it takes to rehearse it. */
const rehearsals: Readonly<Record<string, Rehearsal>> = {
  'ca init': { words: () => [], where: 'nowhere' },
  'ca import': {
    words: async ({ directory, workspace, passphraseFile }) => {
      const elsewhere = join(directory, 'elsewhere');
      await rename(join(workspace, 'ca'), elsewhere);
      return [
        '--root-certificate',
        join(elsewhere, 'root.crt'),
        '--issuing-certificate',
        join(elsewhere, 'issuing.crt'),
        '--issuing-key-file',
        join(elsewhere, 'issuing.key'),
        '--passphrase-file',
        passphraseFile,
      ];
    },
  },
  'ca register': { words: () => [] },
  'ca roll-over': { words: ({ passphraseFile }) => ['--passphrase-file', passphraseFile] },
  'ca passphrase': {
    words: ({ passphraseFile: file }) => ['--passphrase-file', file, '--new-passphrase-file', file],
  },
  'station init': { words: () => [], where: 'nowhere' },
  'batch run': { words: ({ directory }) => [join(directory, 'next.csv')] },
  'csr sign': { words: ({ directory }) => [join(directory, 'next.csv'), '--csr-dir', directory] },
  'batch reconcile': { words: () => ['boards', '--apply'] },
  'batch export': { words: ({ directory }) => ['boards', '--to', join(directory, 'export')] },
  'batch merge': {
    words: async ({ directory, workspace }) => {
      const other = join(directory, 'other-station');
      await cp(workspace, other, { recursive: true });
      return ['boards', '--from', other];
    },
  },
  'bundle keygen': { words: () => [], where: 'nowhere' },
  'bundle seal': {
    words: async (factory) => {
      const to = join(factory.directory, 'sealed.tar.age');
      return ['boards', '--recipient', await transportKeyOf(factory), '--to', to];
    },
  },
  'bundle open': {
    words: async (factory) => {
      const file = join(factory.directory, 'sealed.tar.age');
      const seal = ['bundle', 'seal', 'boards', '--recipient', await transportKeyOf(factory)];
      const sealed = await factory.succeed(...seal, '--to', file, '--json');
      const { sha256 } = JSON.parse(sealed.stdout) as { sha256: string };
      return [file, '--sha256', sha256, '--to', join(factory.workspace, 'opened')];
    },
  },
  'device revoke': board(),
  'device reissue-code': board(),
  'device rotate': board(),
  'device rma': board(),
  'device transfer': board('--to-batch', 'second'),
  'device destroy': board('--confirm', 'N4K-000001'),
  'labels print': { words: () => ['boards'] },
  'labels sample': { words: () => [] },
};

async function transportKeyOf(factory: FactoryFixture): Promise<string> {
  const { stdout } = await factory.succeed('bundle', 'keygen', '--json');
  return (JSON.parse(stdout) as { transport_key: string }).transport_key;
}

const changing = commandsOf(describedProgram())
  .filter((command) => specOf(command)?.changes)
  .map((command) => [command.parent?.parent ? command.parent.name() : '', command.name()].join(' ').trim());

/** Calls to AWS IoT that leave something behind. */
const isEffect = ({ operation }: { operation: string }) => !/^(Describe|Get|List)/.test(operation);

describe('with --dry-run', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
  });

  afterEach(async () => {
    await factory.stop();
  });

  it('every command that changes something is rehearsed here', () => {
    expect(Object.keys(rehearsals).toSorted()).toEqual(changing.toSorted());
  });

  it.each(Object.entries(rehearsals))(
    '%s does nothing and says what it would do',
    async (command, { words, where }) => {
      if (where !== 'nowhere') await makeBatches();
      const given = await words(factory);
      const before = await filesOf();
      const calls = factory.iot.calls.filter(isEffect).length;
      const [backendChanges, manifests] = [factory.backend.changes.length, factory.backend.manifests.size];
      const answer = await factory.cli(...command.split(' '), ...given, '--dry-run', '--no-input');
      expect(answer).toMatchObject({ exitCode: 0, stderr: '' });
      expect(answer.stdout).toMatch(/would|nothing was (done|changed|written)/i);
      expect(await filesOf()).toEqual(before);
      expect(factory.iot.calls.filter(isEffect)).toHaveLength(calls);
      expect(factory.backend.changes).toHaveLength(backendChanges);
      expect(factory.backend.manifests.size).toBe(manifests);
    },
  );

  async function makeBatches(): Promise<void> {
    await factory.prepare();
    await factory.runBatch(await factory.writeBoards('boards.csv', 2));
    await factory.runBatch(await factory.writeCsv('second.csv', 'serial,model\nN4K-000009,n4k\n'));
    await factory.writeCsv('next.csv', 'serial,model\nN4K-000010,n4k\n');
  }

  async function filesOf(): Promise<Map<string, string>> {
    return await factory.files().catch(() => new Map<string, string>());
  }
});
