import type { Command } from 'commander';
import type { Define } from './command-spec.ts';
import { batchSettings } from './setting-groups.ts';

export function addDoctorCommand(program: Command, define: Define): void {
  define(
    program,
    {
      name: 'doctor',
      summary: 'Check everything that boards take, and explain what fails first.',
      teaches:
        'Settings, folder and disk, journal, audit log, CA, station key, clock, AWS (reach, account, registered CA, permissions),\n' +
        'quotas, backend. Nothing is changed: permissions are tried on what does not exist. A check whose needs failed is not\n' +
        'run. Ends with the exit code of what failed first.',
      examples: [
        { line: 'aovis-provision doctor', does: 'before the first batch, and when something is strange' },
        { line: 'aovis-provision doctor --offline', does: 'what can be said without the network' },
      ],
      changes: false,
      settings: batchSettings,
    },
    async (context, flags) => {
      const { doctor } = await import('../commands/doctor-command.ts');
      await doctor(context, flags['offline'] === true);
    },
  ).option('--offline', 'Ask neither AWS IoT nor the backend.');
}
