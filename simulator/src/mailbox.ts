/** Waits for the next mail (the sink holds the request open until one comes) and reads the token behind `#token=`. */
export async function mailedToken(mailUrl: string, to: string, after: string | undefined): Promise<string> {
  const response = await ask(mailUrl, '/messages/next', to, after);
  if (response.status !== 200)
    throw new Error(`No mail for ${to} came: the mail sink answered ${response.status}.`);
  const { text } = (await response.json()) as { text: string };
  const token = /#token=([A-Za-z0-9_-]+)/.exec(text)?.[1];
  if (token === undefined) throw new Error(`The mail to ${to} holds no sign-in link.`);
  return token;
}

export async function lastMailId(mailUrl: string, to: string): Promise<string | undefined> {
  const response = await ask(mailUrl, '/messages', to);
  const { messages } = (await response.json()) as { messages: { id: string }[] };
  return messages.at(-1)?.id;
}

async function ask(mailUrl: string, path: string, to: string, after?: string): Promise<Response> {
  const url = new URL(path, mailUrl);
  url.searchParams.set('to', to);
  if (after !== undefined) url.searchParams.set('after', after);
  return fetch(url, { signal: AbortSignal.timeout(60_000) });
}
