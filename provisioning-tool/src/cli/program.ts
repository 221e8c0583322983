import { Command } from 'commander';
import type { Surroundings } from '../commands/command-context.ts';
import type { Streams, Terminal } from '../terminal/terminal.ts';
import { addAuditCommands } from './audit-group.ts';
import { addBatchCommands } from './batch-group.ts';
import { addCaCommands } from './ca-group.ts';
import { commandMaker } from './command-maker.ts';
import { addDeviceCommands } from './device-group.ts';
import { addLabelsCommands } from './labels-group.ts';
import { addStationCommands } from './station-group.ts';

/** The whole command line: one file for each group of commands. What a command needs is loaded when it runs. */
export function buildProgram(terminal: Terminal, streams: Streams, surroundings: Surroundings): Command {
  const program = new Command('aovis-provision')
    .description(
      'Makes boards ready at the factory: keys, certificates, AWS IoT registration, bundles, labels.',
    )
    .version(surroundings.version)
    .showHelpAfterError('(aovis-provision --help shows what there is)')
    .addHelpText('after', programHelp);
  const define = commandMaker(terminal, surroundings);
  addCaCommands(program, define);
  addStationCommands(program, define);
  addBatchCommands(program, define);
  addDeviceCommands(program, define);
  addLabelsCommands(program, define);
  addAuditCommands(program, define);
  for (const command of commandsOf(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
    });
  }
  return program;
}

/** The program, its groups and their commands, each before what is below it. */
export function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

const programHelp = `
A factory's first day:
  aovis-provision ca init                         make the CA (once)
  aovis-provision ca register --region eu-central-1   tell AWS IoT (once a region)
  aovis-provision station init --station-id line-1    make this station's key (once)
  aovis-provision batch plan boards.csv           check the list, see how long it takes
  aovis-provision batch run boards.csv            do it; after any interruption run it again

Exit codes: 0 done, 2 usage or settings, 3 CSV not valid and nothing done, 4 partly done, run again,
5 CA, 6 credentials, 7 conflict with what is there already, 8 journal or disk, 130 interrupted.`;
