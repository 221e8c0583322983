/** The part of jest-circus's run state that we look at (jest-types `Circus.State`). */
interface Block {
  type: 'describeBlock' | 'test';
  children?: Block[];
  errors?: unknown[];
}

/**
 * Whether a test of the running file failed so far. Jest has no public way to ask inside `afterAll`; its runner
 * keeps the state under this symbol. Were it gone, every file would count as passed.
 */
export function someTestFailed(): boolean {
  const key = Object.getOwnPropertySymbols(globalThis).find(
    (symbol) => symbol.description === 'JEST_STATE_SYMBOL',
  );
  const state = key && (globalThis as Record<symbol, unknown>)[key];
  const root = (state as { rootDescribeBlock?: Block } | undefined)?.rootDescribeBlock;
  return root !== undefined && failed(root);
}

function failed(block: Block): boolean {
  return (block.errors?.length ?? 0) > 0 || (block.children ?? []).some(failed);
}
