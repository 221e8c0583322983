import type { CompletionFlag, CompletionNode, Values } from './completion-tree.ts';

/** For zsh 5 with compinit. */
export function zshScript(nodes: readonly CompletionNode[]): string {
  return `#compdef aovis-provision
# Completion of aovis-provision for zsh, made by: aovis-provision completion zsh
_aovis_provision_batches() {
  local -a batches
  batches=("\${AOVIS_WORKSPACE:-./factory}"/batches/*(N/:t))
  _describe batch batches
}

_aovis_provision() {
  local at='' word
  integer place=0 index
  local -a candidates
  for ((index = 2; index < CURRENT; index++)); do
    word=$words[index]
    case $word in
      (${patternOf(flagsWithValue(nodes))}) index=$((index + 1)) ;;
      (-*) ;;
      (*)
        case "$at\${at:+ }$word" in
          (${patternOf(nodes.map(({ path }) => path).filter((path) => path !== ''))}) at="$at\${at:+ }$word" ;;
          (*) place=$((place + 1)) ;;
        esac
        ;;
    esac
  done
  case "$at $words[CURRENT-1]" in
${valueCases(nodes).join('\n')}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    case $at in
${nodes.map(flagCase).join('\n')}
    esac
    return
  fi
  case "$at $place" in
${nodes.flatMap(wordCases).join('\n')}
  esac
}

if [[ $funcstack[1] == _aovis-provision || $funcstack[1] == _aovis_provision ]]; then
  _aovis_provision "$@"
else
  compdef _aovis_provision aovis-provision
fi
`;
}

function flagsWithValue(nodes: readonly CompletionNode[]): string[] {
  const names = nodes.flatMap(({ flags }) =>
    flags.filter(({ values }) => values).flatMap((flag) => flag.names),
  );
  return [...new Set(names)].sort();
}

function valueCases(nodes: readonly CompletionNode[]): string[] {
  return nodes.flatMap(({ path, flags }) =>
    flags.flatMap(({ names, values }) =>
      values === undefined
        ? []
        : [`    (${patternOf(names.map((name) => `${path} ${name}`))}) ${offer(values)}; return ;;`],
    ),
  );
}

function flagCase({ path, flags }: CompletionNode): string {
  return `      (${quote(path)}) ${describe('option', flags.flatMap(entriesOf), '-o ')} ;;`;
}

function entriesOf({ names, about }: CompletionFlag): [string, string][] {
  return names.map((name) => [name, about]);
}

function wordCases({ path, commands, arguments: places }: CompletionNode): string[] {
  if (commands.length > 0)
    return [
      `    (${quote(`${path} 0`)}) ${describe(
        'command',
        commands.map(({ name, about }): [string, string] => [name, about]),
      )} ;;`,
    ];
  return places.map((values, index) => `    (${quote(`${path} ${index}`)}) ${offer(values)} ;;`);
}

function describe(what: string, entries: readonly (readonly [string, string])[], flags = ''): string {
  const list = entries.map(([name, about]) => quote(`${name.replaceAll(':', '\\:')}:${about}`)).join(' ');
  return `candidates=(${list}); _describe ${flags}${what} candidates`;
}

function offer(values: Values): string {
  switch (values.kind) {
    case 'files':
      return '_files';
    case 'folders':
      return '_files -/';
    case 'batches':
      return '_aovis_provision_batches';
    case 'words':
      return `compadd -- ${values.words.map(quote).join(' ')}`;
    case 'unknown':
      return '_message value';
  }
}

function patternOf(words: readonly string[]): string {
  return words.map(quote).join('|');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
