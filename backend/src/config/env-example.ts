import { type Setting, settings } from './settings.ts';

/** The text of `.env.example`: every setting with its sentence, those without a default to be filled in. */
export function envExample(): string {
  const blocks = Object.values<Setting<unknown>>(settings).map(
    ({ variable, sentence, secret, default: fallback, example }) => {
      const note = secret ? ` Secret; ${variable}_FILE may name a file instead.` : '';
      const line = fallback === undefined ? `${variable}=${example ?? ''}` : `#${variable}=${fallback}`;
      return `# ${sentence}${note}\n${line}\n`;
    },
  );
  return `# Settings of the backend. Lines without # must be filled in; the others show the defaults.\n\n${blocks.join('\n')}`;
}
