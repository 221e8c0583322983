/** Something on the board that is its owner's, and must not be the next one's. */
export interface OwnedData {
  /** For the log. */
  name: string;
  /** Removes it, from the disk as well; may be repeated. Rejects when it could not: it is tried again. */
  wipe(): Promise<void>;
}

/** Removes all of it, also when some of it cannot be; then rejects with what could not and why. */
export async function wipeAll(data: readonly OwnedData[]): Promise<void> {
  const failures: string[] = [];
  for (const owned of data) {
    try {
      await owned.wipe();
    } catch (error) {
      failures.push(`${owned.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failures.length === 0) return;
  throw new Error(`What a former owner left could not be removed (${failures.join('; ')}).`);
}
