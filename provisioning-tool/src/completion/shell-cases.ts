import type { CompletionNode, Values } from './completion-tree.ts';

/** How a shell of the Bourne family writes what it offers. */
export interface ShellSyntax {
  /** The head of a branch of `case` that takes any of these words. */
  branch(words: readonly string[]): string;
  /** Commands that offer the values. */
  offer(values: Values): string;
  /** Commands that offer the commands of a group. */
  offerCommands(commands: CompletionNode['commands']): string;
}

/** Every flag behind which a value stands. */
export function flagsWithValue(nodes: readonly CompletionNode[]): string[] {
  const names = nodes.flatMap(({ flags }) =>
    flags.filter(({ values }) => values).flatMap((flag) => flag.names),
  );
  return [...new Set(names)].sort();
}

/** All commands and groups, as they are typed. */
export function pathsOf(nodes: readonly CompletionNode[]): string[] {
  return nodes.map(({ path }) => path).filter((path) => path !== '');
}

/** Branches of `case "<command> <word before>"`: values of flags. */
export function valueBranches(nodes: readonly CompletionNode[], shell: ShellSyntax): string {
  return nodes
    .flatMap(({ path, flags }) =>
      flags.flatMap(({ names, values }) =>
        values === undefined
          ? []
          : [`    ${shell.branch(names.map((name) => `${path} ${name}`))} ${shell.offer(values)}; return ;;`],
      ),
    )
    .join('\n');
}

/** Branches of `case "<command> <number of arguments before>"`: commands of a group, or what an argument may be. */
export function wordBranches(nodes: readonly CompletionNode[], shell: ShellSyntax): string {
  return nodes
    .flatMap(({ path, commands, arguments: places }) =>
      commands.length > 0
        ? [`    ${shell.branch([`${path} 0`])} ${shell.offerCommands(commands)} ;;`]
        : places.map(
            (values, index) => `    ${shell.branch([`${path} ${index}`])} ${shell.offer(values)} ;;`,
          ),
    )
    .join('\n');
}

/** One word, whatever is in it. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
