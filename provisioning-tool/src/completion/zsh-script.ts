import type { CompletionFlag, CompletionNode, Values } from './completion-tree.ts';
import {
  flagsWithValue,
  pathsOf,
  quote,
  type ShellSyntax,
  valueBranches,
  wordBranches,
} from './shell-cases.ts';

const zsh: ShellSyntax = {
  branch,
  offer,
  offerCommands: (commands) =>
    describe(
      'command',
      commands.map(({ name, about }): [string, string] => [name, about]),
    ),
};

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
      ${branch(flagsWithValue(nodes))} index=$((index + 1)) ;;
      (-*) ;;
      (*)
        case "$at\${at:+ }$word" in
          ${branch(pathsOf(nodes))} at="$at\${at:+ }$word" ;;
          (*) place=$((place + 1)) ;;
        esac
        ;;
    esac
  done
  case "$at $words[CURRENT-1]" in
${valueBranches(nodes, zsh)}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    case $at in
${nodes.map(flagCase).join('\n')}
    esac
    return
  fi
  case "$at $place" in
${wordBranches(nodes, zsh)}
  esac
}

if [[ $funcstack[1] == _aovis-provision || $funcstack[1] == _aovis_provision ]]; then
  _aovis_provision "$@"
else
  compdef _aovis_provision aovis-provision
fi
`;
}

function flagCase({ path, flags }: CompletionNode): string {
  return `      ${branch([path])} ${describe('option', flags.flatMap(entriesOf), '-o ')} ;;`;
}

function entriesOf({ names, about }: CompletionFlag): [string, string][] {
  return names.map((name) => [name, about]);
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

function branch(words: readonly string[]): string {
  return `(${words.map(quote).join('|')})`;
}
