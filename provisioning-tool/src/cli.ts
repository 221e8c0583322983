import { CommanderError } from 'commander';
import { buildProgram } from './cli/program.ts';
import type { Surroundings } from './commands/command-context.ts';
import { refuseLeakingOptions } from './leaking-options.ts';
import { outcomeOf } from './outcome.ts';
import { exitCodes } from './refusal.ts';
import { type Streams, Terminal } from './terminal/terminal.ts';

/** Runs one command line and returns the exit code. Everything it says goes to `streams`. */
export async function run(
  argv: readonly string[],
  streams: Streams,
  surroundings: Surroundings,
): Promise<number> {
  const terminal = new Terminal(streams, outputOptions(argv), surroundings.env);
  const complaints: string[] = [];
  try {
    refuseLeakingOptions(surroundings.execArgv ?? [], surroundings.env['NODE_OPTIONS']);
    const outputs = {
      writeOut: (text: string) => void streams.stdout.write(text),
      writeErr: (text: string) => void complaints.push(text),
    };
    await buildProgram(terminal, outputs, surroundings).parseAsync([...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    // Commander quotes the words that it does not understand, and somebody may have typed a code.
    if (complaints.length > 0) {
      const { withoutSecrets } = await import('./audit/redaction.ts');
      streams.stderr.write(withoutSecrets(complaints.join('')));
    }
    return await report(terminal, error, surroundings);
  }
}

/** Says what no command caught, such as a failure in an event handler, and returns the exit code. */
export async function reportUncaught(
  error: unknown,
  argv: readonly string[],
  streams: Streams,
  surroundings: Surroundings,
): Promise<number> {
  const terminal = new Terminal(streams, outputOptions(argv), surroundings.env);
  return await report(terminal, error, surroundings);
}

async function report(terminal: Terminal, error: unknown, { env, signal }: Surroundings): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const { exitCode, message = '', refusal, stack = [] } = outcomeOf(error, signal);
  // A sentence may quote what was typed, and an error what it stumbled over; terminals are logged and photographed.
  const { withoutSecrets } = await import('./audit/redaction.ts');
  // Whole: a key goes over several lines.
  const details = (refusal?.details ?? (env['DEBUG'] ? stack : [])).join('\n');
  terminal.fail({
    kind: refusal?.kind ?? 'unexpected',
    message: withoutSecrets(
      refusal?.message ??
        `A defect of this program: ${message}. Nothing is lost; please report it with DEBUG=1 set.`,
    ),
    details: details === '' ? [] : withoutSecrets(details).split('\n'),
    exitCode,
  });
  return exitCode;
}

/** Known before the arguments are parsed, so that usage errors come in the wanted form too. */
function outputOptions(argv: readonly string[]) {
  return {
    json: argv.includes('--json'),
    plain: argv.includes('--plain'),
    input: !argv.includes('--no-input'),
  };
}
