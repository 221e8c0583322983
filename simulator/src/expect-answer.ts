/** What an HTTP call of the app came to: the status and the JSON body, whatever they are. */
export interface Answer<T = unknown> {
  status: number;
  body: T;
}

/** The body of an answer that has the expected status (and error code); throws with what came instead. */
export function expectAnswer<T>(answer: Answer<T>, status: number, errorCode?: string): T {
  const code = (answer.body as { error?: { code?: string } } | null)?.error?.code;
  if (answer.status !== status || code !== errorCode) {
    throw new Error(
      `Expected ${status}${errorCode === undefined ? '' : ` ${errorCode}`}, got ${answer.status}: ${JSON.stringify(answer.body)}`,
    );
  }
  return answer.body;
}
