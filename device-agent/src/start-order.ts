import type { Part } from './part.ts';

/** Starts the parts one after the other; when one fails or `signal` is aborted, stops those that run. */
export async function startInOrder(parts: readonly Part[], signal: AbortSignal): Promise<void> {
  try {
    for (const part of parts) {
      signal.throwIfAborted();
      await part.start(signal);
    }
    signal.throwIfAborted();
  } catch (error) {
    await stopInReverse(parts);
    throw error;
  }
}

/** Stops every part, last first, also when one of them fails to; then throws the first failure. */
export async function stopInReverse(parts: readonly Part[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of [...parts].reverse()) {
    await part.stop().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}
