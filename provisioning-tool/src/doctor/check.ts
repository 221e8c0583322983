import { runFailureOf } from '../batch/batch-run.ts';
import { messageOf, Refusal } from '../refusal.ts';

/** One thing that has to be right before boards can be made. */
export interface Check {
  name: string;
  /** Names of checks without which this one has nothing to say. */
  needs?: readonly string[];
  /** Returns what was found, in a few words; throws a `Refusal` or `CloudFailure` that says what to do. */
  run(): Promise<string> | string;
}

/** Found right, but worth a look. */
export class Warning extends Error {
  override name = 'Warning';
}

export interface CheckResult {
  name: string;
  result: 'ok' | 'warning' | 'failed' | 'not checked';
  says: string;
  /** Further lines of a failure. */
  details: readonly string[];
  failure: Refusal | undefined;
}

/** Runs checks in their order; one whose needs failed is not run. */
export async function runChecks(checks: readonly Check[], signal: AbortSignal): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    signal.throwIfAborted();
    const missing = check.needs?.find((name) =>
      results.some((each) => each.name === name && each.result !== 'ok' && each.result !== 'warning'),
    );
    results.push(
      missing === undefined
        ? await resultOf(check, signal)
        : { ...blank(check.name), result: 'not checked', says: `needs ${missing}` },
    );
  }
  return results;
}

async function resultOf(check: Check, signal: AbortSignal): Promise<CheckResult> {
  try {
    return { ...blank(check.name), says: await check.run() };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Warning) return { ...blank(check.name), result: 'warning', says: error.message };
    const failure = runFailureOf(error);
    if (!(failure instanceof Refusal)) throw error;
    return {
      ...blank(check.name),
      result: 'failed',
      says: messageOf(failure),
      details: failure.details,
      failure,
    };
  }
}

function blank(name: string): CheckResult {
  return { name, result: 'ok', says: '', details: [], failure: undefined };
}
