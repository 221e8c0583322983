import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { stateDirectoryAt } from '../../host/state-directory.ts';
import { Refusal } from '../../refusal.ts';
import { isCode } from '../../status/status-client.ts';

const nameIt = 'Name the directory that the agent runs with by --state DIR (or AOVIS_AGENT_STATE).';

/** A mistyped directory must not pass for an agent that had nothing to say. @throws Refusal unless an agent ran with this directory */
export async function refuseForeignDirectory(state: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(state);
  } catch (cause) {
    const closed = isCode(cause, 'EACCES');
    const sentence = closed
      ? `There are no lines that this user may read: ${state} is closed to it. Run this as root, or as the user the agent runs as.`
      : `No agent ever ran with ${state}: there is no such directory. ${nameIt}`;
    throw new Refusal('stateUnusable', sentence, { cause });
  }
  const { path: _, ...places } = stateDirectoryAt(state);
  const traces = new Set(Object.values(places).map((path) => basename(path)));
  if (!names.some((name) => traces.has(name)))
    throw new Refusal(
      'stateUnusable',
      `No agent ever ran with ${state}: nothing in it is an agent's. ${nameIt}`,
    );
}

/** What is said instead of lines, where an agent ran. */
export function noLines(state: string): string {
  return (
    `There are no such lines of the agent that ran with ${state}. Ask for less important ones by --level debug; the journal's are ` +
    'shown to root and the group systemd-journal.\n'
  );
}
