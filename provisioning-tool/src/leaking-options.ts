import { Refusal } from './refusal.ts';

/** Options of Node that cannot be taken back once it has started, and what each does. */
const leakingOptions = new Map([
  ['--heapsnapshot-signal', 'writes keys and activation codes into a file'],
  ['--heapsnapshot-near-heap-limit', 'writes keys and activation codes into a file'],
  ['--abort-on-uncaught-exception', 'prints errors before this program can take secrets out of them'],
]);

/**
 * Refuses options of Node by which secrets get out.
 * @param execArgv as in `process.execArgv`
 * @param nodeOptions value of the environment's `NODE_OPTIONS`
 */
export function refuseLeakingOptions(execArgv: readonly string[], nodeOptions = ''): void {
  const words = [...execArgv, ...nodeOptions.split(/[\s"]+/)];
  const given = words.map((word) => word.replace(/=.*$/s, '').replaceAll('_', '-'));
  for (const [option, does] of leakingOptions)
    if (given.includes(option))
      throw new Refusal(
        'usage',
        `Node's option ${option} ${does}; take it out of NODE_OPTIONS and of the command line, ` +
          'then run the same command again.',
      );
}
