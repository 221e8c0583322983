/** Gives way to I/O until `condition` holds; a test's own time limit ends what never comes true. */
export async function until(condition: () => boolean, limit = 15_000): Promise<void> {
  const deadline = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('The condition did not come true.');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
