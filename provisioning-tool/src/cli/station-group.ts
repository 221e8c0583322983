import type { Command } from 'commander';
import type { Define } from './command-spec.ts';

export function addStationCommands(program: Command, define: Define): void {
  const station = program.command('station').description('The key that signs what this station hands over.');
  define(
    station,
    {
      name: 'init',
      summary: 'Make the station key (Ed25519).',
      teaches:
        'The private key stays on this computer, not encrypted, because it signs unattended. Have the public half\n' +
        'registered by the backend’s administrator; what this station hands over is refused until then.',
      examples: [
        {
          line: 'aovis-provision station init --station-id line-1',
          does: 'makes the key and prints its public half',
        },
      ],
      changes: true,
      settings: ['station_id'],
    },
    async (context) => {
      const { stationInit } = await import('../commands/station-commands.ts');
      await stationInit(context);
    },
  );
  define(
    station,
    {
      name: 'show',
      summary: 'Show the public key to register at the backend.',
      teaches: 'The same as station init printed.',
      examples: [
        { line: 'aovis-provision station show --json', does: 'the same for programs, the key in PEM' },
      ],
      changes: false,
    },
    async (context) => {
      const { stationShow } = await import('../commands/station-commands.ts');
      await stationShow(context);
    },
  );
}
