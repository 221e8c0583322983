import { CredentialError } from '../credentials/credential-error.ts';
import type { ErrorDecision } from './error-decisions.ts';
import { ServiceCallError } from './service-call.ts';

/** What an exception on the way to a connection (credentials, endpoint, signing) means for the stream. */
export function failureOf(error: unknown): [decision: ErrorDecision, message: string] {
  if (error instanceof ServiceCallError) return [error.decision, error.message];
  const message = error instanceof Error ? error.message : String(error);
  const needsPerson = error instanceof CredentialError && error.needsPerson;
  return [
    { name: 'NOT_READY', decision: needsPerson ? 'stop' : 'resend', advice: 'The agent tries again.' },
    message,
  ];
}
