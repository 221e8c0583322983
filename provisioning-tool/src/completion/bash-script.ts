import type { CompletionNode, Values } from './completion-tree.ts';
import {
  flagsWithValue,
  pathsOf,
  quote,
  type ShellSyntax,
  valueBranches,
  wordBranches,
} from './shell-cases.ts';

const bash: ShellSyntax = {
  branch,
  offer,
  offerCommands: (commands) => offer({ kind: 'words', words: commands.map(({ name }) => name) }),
};

/** For bash 4 and newer; bash-completion is not needed. */
export function bashScript(nodes: readonly CompletionNode[]): string {
  return `# Completion of aovis-provision for bash, made by: aovis-provision completion bash
_aovis_provision_batches() {
  local folder
  for folder in "\${AOVIS_WORKSPACE:-./factory}"/batches/*/; do
    [[ -d $folder ]] && basename "$folder"
  done
}

_aovis_provision() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local at='' place=0 index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      ${branch(flagsWithValue(nodes))} index=$((index + 1)) ;;
      -*) ;;
      *)
        case "$at\${at:+ }\${COMP_WORDS[index]}" in
          ${branch(pathsOf(nodes))} at="$at\${at:+ }\${COMP_WORDS[index]}" ;;
          *) place=$((place + 1)) ;;
        esac
        ;;
    esac
  done
  case "$at $previous" in
${valueBranches(nodes, bash)}
  esac
  if [[ $current == -* ]]; then
    case "$at" in
${nodes.map(flagCase).join('\n')}
    esac
    return
  fi
  case "$at $place" in
${wordBranches(nodes, bash)}
  esac
}
complete -F _aovis_provision aovis-provision
`;
}

function flagCase({ path, flags }: CompletionNode): string {
  return `      ${branch([path])} ${offer({ kind: 'words', words: flags.flatMap(({ names }) => names) })} ;;`;
}

function offer(values: Values): string {
  switch (values.kind) {
    case 'files':
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current")';
    case 'folders':
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current")';
    case 'batches':
      return 'mapfile -t COMPREPLY < <(compgen -W "$(_aovis_provision_batches)" -- "$current")';
    case 'words':
      return `mapfile -t COMPREPLY < <(compgen -W ${quote(values.words.join(' '))} -- "$current")`;
    case 'unknown':
      return ':';
  }
}

function branch(words: readonly string[]): string {
  return `${words.map(quote).join(' | ')})`;
}
