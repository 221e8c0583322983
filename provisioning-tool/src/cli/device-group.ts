import type { Command } from 'commander';
import type { DeviceChangeKind } from '../journal/records.ts';
import type { CommandSpec, Define, Flags } from './command-spec.ts';
import { batchSettings } from './setting-groups.ts';

const serialArgument = ['<board>', 'its serial, e.g. N4K-000123, or its device id'] as const;
const csrOption = [
  '--csr <file>',
  'Request (PKCS#10) for a new key of a board that keeps its own, PEM or DER.',
] as const;
const confirmOption = ['--confirm <board>', 'The board once more, because there is no way back.'] as const;
const reasonOption = [
  '--reason <text>',
  'Why; kept in the journal, the audit log and at the backend.',
] as const;
const goesOn = 'Interrupted at any instant, the same command goes on where it stopped.';

export function addDeviceCommands(program: Command, define: Define): void {
  const device = program.command('device').description('One board, after it was made.');
  define(
    device,
    {
      name: 'show',
      summary: 'Show what is known of a board here, at AWS IoT and at the backend.',
      teaches: 'Reads only. Codes and keys are not shown.',
      examples: [
        { line: 'aovis-provision device show N4K-000123', does: 'asks all three' },
        { line: 'aovis-provision device show N4K-000123 --offline', does: 'reads the journal only' },
      ],
      changes: false,
      settings: batchSettings,
    },
    async (context, flags, [serial]) => {
      const { deviceShow } = await import('../commands/device-show-command.ts');
      await deviceShow(context, serial ?? '', flags['offline'] === true);
    },
  )
    .argument(...serialArgument)
    .option('--offline', 'Ask neither AWS IoT nor the backend.');
  addChange(device, define, 'revoke', {
    name: 'revoke',
    summary: 'Make a board worthless: it is disconnected, and nobody can activate it.',
    teaches:
      'Its certificates are revoked at AWS IoT first, which disconnects it; then the backend is told. There is no way back\n' +
      `here: only an administrator of the backend can lift it there. ${goesOn}`,
    examples: [
      {
        line: "aovis-provision device revoke N4K-000123 --reason 'stolen from the line'",
        does: 'revokes it',
      },
    ],
    changes: true,
    settings: batchSettings,
  });
  addChange(device, define, 'reissue_code', {
    name: 'reissue-code',
    summary: 'Give a board a new activation code.',
    teaches:
      'Makes a new code and hands it over to the backend, which forgets the one before; then print the new label and\n' +
      `destroy the old one. An owner keeps the board. ${goesOn}`,
    examples: [
      {
        line: "aovis-provision device reissue-code N4K-000123 --reason 'label photographed'",
        does: 'invalidates the old code',
      },
    ],
    changes: true,
    settings: batchSettings,
  });
  addChange(device, define, 'rotate', {
    name: 'rotate',
    summary: 'Give a board on the bench a new key and certificate.',
    teaches:
      'The new certificate becomes ACTIVE when its bundle lies in its place and the backend has it on record; then every\n' +
      'other certificate of the board is revoked. Flash the bundle again. Boards in the field get theirs by an IoT job. A board\n' +
      'that keeps its own key (secure element) makes a new one and a request for it: --csr. It is verified as by «csr sign»,\n' +
      `and no board may ever have had the key. ${goesOn}`,
    examples: [
      {
        line: "aovis-provision device rotate N4K-000123 --csr N4K-000123.csr --reason 'new key on the board'",
        does: 'certifies the new key of a board that keeps its own',
      },
      {
        line: "aovis-provision device rotate N4K-000123 --reason 'bundle was copied'",
        does: 'makes a new bundle and revokes the old certificate',
      },
    ],
    changes: true,
    passphrase: true,
    settings: batchSettings,
  }).option(...csrOption);
  addChange(device, define, 'rma', {
    name: 'rma',
    summary: 'Make a returned board ready again, or replace it by another one.',
    teaches:
      'Without --replaced-by: new key, certificate and code under the same serial, all former ones worthless; a board that\n' +
      'keeps its own key needs --csr, as with «rotate». With it: the board is taken out for good as by «destroy», so that it\n' +
      'takes --confirm, too, and the backend notes which one its owner gets instead. A board that somebody owns is refused\n' +
      `until staff release it. ${goesOn}`,
    examples: [
      { line: "aovis-provision device rma N4K-000123 --reason 'repaired, case 4711'", does: 'makes it new' },
      {
        line: "aovis-provision device rma N4K-000123 --replaced-by N4K-000456 --confirm N4K-000123 --reason 'beyond repair'",
        does: 'takes it out',
      },
    ],
    changes: true,
    passphrase: true,
    settings: batchSettings,
  })
    .option('--replaced-by <board>', 'The board that takes its place; this one is destroyed.')
    .option(...confirmOption)
    .option(...csrOption);
  addChange(device, define, 'transfer', {
    name: 'transfer',
    summary: 'Count a board to another batch.',
    teaches: `Moves its bundle and its label, and says so at AWS IoT and at the backend. Key and code stay. ${goesOn}`,
    examples: [
      {
        line: "aovis-provision device transfer N4K-000123 --to-batch 2026-12 --reason 'late delivery'",
        does: 'moves it',
      },
    ],
    changes: true,
    settings: batchSettings,
  }).requiredOption('--to-batch <name>', 'A batch of this workspace.');
  addChange(device, define, 'destroy', {
    name: 'destroy',
    summary: 'Take a board out for good.',
    teaches:
      'Revokes and deletes its certificates, deletes its thing, retires it at the backend, deletes its bundle and its label\n' +
      'here. A board that somebody owns is refused. Deleting a file does not erase it from a flash disk: what protects the\n' +
      `key is that its certificate is gone. ${goesOn}`,
    examples: [
      {
        line: "aovis-provision device destroy N4K-000123 --confirm N4K-000123 --reason 'burnt in test'",
        does: 'takes it out',
      },
    ],
    changes: true,
    settings: batchSettings,
  }).option(...confirmOption);
}

function addChange(group: Command, define: Define, kind: DeviceChangeKind, spec: CommandSpec): Command {
  return define(group, spec, async (context, flags, [serial]) => {
    const { deviceChange } = await import('../commands/device-change-command.ts');
    const replacedBy = textOf(flags, 'replacedBy');
    await deviceChange(context, {
      kind: replacedBy === undefined ? kind : 'destroy',
      serial: serial ?? '',
      reason: textOf(flags, 'reason'),
      toBatch: textOf(flags, 'toBatch'),
      replacedBy,
      csr: textOf(flags, 'csr'),
      confirm: textOf(flags, 'confirm'),
    });
  })
    .argument(...serialArgument)
    .option(...reasonOption);
}

function textOf(flags: Flags, key: string): string | undefined {
  const value = flags[key];
  return typeof value === 'string' ? value : undefined;
}
