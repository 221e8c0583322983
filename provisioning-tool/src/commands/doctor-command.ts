import { runFailureOf } from '../batch/batch-run.ts';
import { loadCa } from '../ca/ca-store.ts';
import type { Config } from '../config.ts';
import { type Check, type CheckResult, runChecks } from '../doctor/check.ts';
import { cloudChecks } from '../doctor/cloud-checks.ts';
import { localChecks, rootKeyCheck } from '../doctor/local-checks.ts';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { Refusal } from '../refusal.ts';
import { stationRequestsOf } from './batch-comparison.ts';
import { type CommandContext, withStop } from './command-context.ts';

/** Checks everything that boards take, in the order in which it matters, and explains what fails first. */
export async function doctor(context: CommandContext, offline: boolean): Promise<void> {
  const { workspace, surroundings } = context;
  const { clock, signal } = surroundings;
  const local = [
    ...localChecks({ workspace, config: () => context.config(), now: clock.now() }),
    rootKeyCheck(workspace),
  ];
  const config = await findConfig(context);
  const results =
    offline || config?.region === undefined
      ? await runChecks(local, signal)
      : await withStop(signal, async (stop) => {
          const registry = await context.registry(config, stop.signal);
          try {
            const { AwsIotUpkeep } = await import('../cloud/aws-iot-upkeep.ts');
            const cloud: Check[] = cloudChecks({
              config,
              registry,
              upkeep: new AwsIotUpkeep(registry.calls),
              ca: () => loadCa(workspace),
              state: async () => (await replayJournal(journalPath(workspace))).state,
              requests: () => stationRequestsOf(context, config, stop.signal),
              now: () => clock.now(),
              signal: stop.signal,
            });
            return await runChecks([...local, ...cloud], stop.signal);
          } catch (error) {
            throw runFailureOf(error);
          } finally {
            registry.close();
          }
        });
  report(context, results);
}

/** Undefined when the settings are not right; the check says why. */
async function findConfig(context: CommandContext): Promise<Config | undefined> {
  try {
    return await context.config();
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function report({ terminal }: CommandContext, results: readonly CheckResult[]): void {
  const failed = results.filter(({ result }) => result === 'failed');
  terminal.result(
    { checks: results.map(({ name, result, says, details }) => ({ name, result, says, details })) },
    [
      ...terminal.table(results.map(({ name, result, says }) => [name, result, says])),
      failed.length === 0 ? 'Ready to make boards.' : `${failed.length} of ${results.length} checks failed.`,
    ],
  );
  const first = failed[0]?.failure;
  if (first)
    throw new Refusal(first.kind, `Mend this first (${failed[0]?.name}): ${first.message}`, {
      details: [...first.details],
      cause: first,
    });
}
