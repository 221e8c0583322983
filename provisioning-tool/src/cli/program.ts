import { Command } from 'commander';
import type { Surroundings } from '../commands/command-context.ts';
import { exitCodeMeanings } from '../refusal.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { addAuditCommands } from './audit-group.ts';
import { addBatchCommands } from './batch-group.ts';
import { addBundleCommands } from './bundle-group.ts';
import { addCaCommands } from './ca-group.ts';
import { commandMaker } from './command-maker.ts';
import { addCompletionCommand } from './completion-group.ts';
import { addCsrCommands } from './csr-group.ts';
import { addDeviceCommands } from './device-group.ts';
import { addDoctorCommand } from './doctor-command-line.ts';
import { addLabelsCommands } from './labels-group.ts';
import { addStationCommands } from './station-group.ts';

/** Where commander says help and version, and what was wrong with the words. */
export interface ProgramOutputs {
  writeOut(text: string): void;
  writeErr(text: string): void;
}

/** The whole command line: one file for each group of commands. What a command needs is loaded when it runs. */
export function buildProgram(
  terminal: Terminal,
  outputs: ProgramOutputs,
  surroundings: Surroundings,
): Command {
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
  addCsrCommands(program, define);
  addBundleCommands(program, define);
  addDeviceCommands(program, define);
  addDoctorCommand(program, define);
  addLabelsCommands(program, define);
  addAuditCommands(program, define);
  addCompletionCommand(program, define);
  for (const command of commandsOf(program)) {
    command.exitOverride().configureOutput(outputs);
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
  aovis-provision batch verify boards             check what came of it
  aovis-provision labels print boards             make the label sheets
  aovis-provision labels check --batch boards --all   scan the labels back
  aovis-provision audit verify                    check the records, note what it prints

Exit codes:${Object.entries(exitCodeMeanings)
  .map(([code, meaning]) => `\n  ${code.padEnd(4)}${meaning}`)
  .join('')}`;
