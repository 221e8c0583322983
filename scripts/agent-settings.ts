import { settings } from '../device-agent/src/config.ts';

/** The agent's settings as a table in Markdown. */
export function agentSettings(): string {
  const rows = Object.values(settings).map(
    ({ variable, flag, default: value, sentence }) =>
      `| \`${variable}\` | \`${flag}\` | \`${value}\` | ${sentence.replaceAll('|', '\\|')} |`,
  );
  return ['| variable | flag | default | |', '|---|---|---|---|', ...rows, ''].join('\n');
}
