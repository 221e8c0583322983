import type { CompletionFlag, CompletionNode, Values } from './completion-tree.ts';
import { flagsWithValue } from './shell-cases.ts';

/** For fish 3. */
export function fishScript(nodes: readonly CompletionNode[]): string {
  return `# Completion of aovis-provision for fish, made by: aovis-provision completion fish
function __aovis_provision_batches
    set -l workspace ./factory
    set -q AOVIS_WORKSPACE; and set workspace $AOVIS_WORKSPACE
    for folder in $workspace/batches/*/
        basename $folder
    end
end

# Whether the words so far are this command; with a number first, also how many arguments it has already.
function __aovis_provision_at
    set -l place $argv[1]
    set -l wanted $argv[2..-1]
    set -l words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word ${flagsWithValue(nodes).join(' ')}
            set skip 1
        else if not string match -q -- '-*' $word
            set -a words $word
        end
    end
    set -l depth (count $wanted)
    test (count $words) -ge $depth; or return 1
    if test $depth -gt 0
        test "$words[1..$depth]" = "$wanted"; or return 1
    end
    test $place = any; or test (count $words) -eq (math $depth + $place)
end

complete -c aovis-provision -f
${nodes.flatMap(completionsOf).join('\n')}
`;
}

function completionsOf({ path, commands, flags, arguments: places }: CompletionNode): string[] {
  const at = (place: string) =>
    `complete -c aovis-provision -n ${quote(`__aovis_provision_at ${place} ${path}`.trimEnd())}`;
  return [
    ...commands.map(({ name, about }) => `${at('0')} -a ${quote(name)} -d ${quote(about)}`),
    ...flags.map((flag) => `${at(commands.length > 0 ? '0' : 'any')} ${flagOf(flag)}`),
    ...places.flatMap((values, index) => {
      const offered = offer(values);
      return offered === '' ? [] : [`${at(String(index))} ${offered}`];
    }),
  ];
}

function flagOf({ names, about, values }: CompletionFlag): string {
  const words = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = values === undefined ? '' : ` -x ${offer(values)}`.replace('-x -F', '-r -F').trimEnd();
  return `${words.join(' ')}${value} -d ${quote(about)}`;
}

function offer(values: Values): string {
  switch (values.kind) {
    case 'files':
      return '-F';
    case 'folders':
      return "-a '(__fish_complete_directories)'";
    case 'batches':
      return "-a '(__aovis_provision_batches)'";
    case 'words':
      return `-a ${quote(values.words.join(' '))}`;
    case 'unknown':
      return '';
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
