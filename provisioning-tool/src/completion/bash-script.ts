import type { CompletionNode, Values } from './completion-tree.ts';

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
      ${patternOf(flagsWithValue(nodes))}) index=$((index + 1)) ;;
      -*) ;;
      *)
        case "$at\${at:+ }\${COMP_WORDS[index]}" in
          ${patternOf(nodes.map(({ path }) => path).filter((path) => path !== ''))}) at="$at\${at:+ }\${COMP_WORDS[index]}" ;;
          *) place=$((place + 1)) ;;
        esac
        ;;
    esac
  done
  case "$at $previous" in
${valueCases(nodes).join('\n')}
  esac
  if [[ $current == -* ]]; then
    case "$at" in
${nodes.map(flagCase).join('\n')}
    esac
    return
  fi
  case "$at $place" in
${nodes.flatMap(wordCases).join('\n')}
  esac
}
complete -F _aovis_provision aovis-provision
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
        : [`    ${patternOf(names.map((name) => `${path} ${name}`))}) ${offer(values)}; return ;;`],
    ),
  );
}

function flagCase({ path, flags }: CompletionNode): string {
  return `      ${quote(path)}) ${offer({ kind: 'words', words: flags.flatMap(({ names }) => names) })} ;;`;
}

/** Commands of a group, or what an argument may be. */
function wordCases({ path, commands, arguments: places }: CompletionNode): string[] {
  if (commands.length > 0)
    return [
      `    ${quote(`${path} 0`)}) ${offer({ kind: 'words', words: commands.map(({ name }) => name) })} ;;`,
    ];
  return places.map((values, index) => `    ${quote(`${path} ${index}`)}) ${offer(values)} ;;`);
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

function patternOf(words: readonly string[]): string {
  return words.map(quote).join(' | ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
