import { redact } from './redact.ts';

const mostCauses = 4;
const mostCharacters = 1_000;

/**
 * What an error says and what it comes from, for a person who decides what to do: the answer of a partner is often in a
 * cause alone. Without secrets, at most 1,000 characters.
 */
export function errorReason(error: unknown): string {
  const reasons: string[] = [];
  for (let at = error; at !== undefined && at !== null && reasons.length < mostCauses; ) {
    reasons.push(String(redact(messageOf(at))));
    at = at instanceof Error ? at.cause : undefined;
  }
  return reasons.join(' — ').slice(0, mostCharacters);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
