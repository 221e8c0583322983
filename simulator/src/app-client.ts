import type { SignedIn, TokenPair } from '@aovis/contracts/http/auth';
import type { Activation, DeviceDetail, ShadowView } from '@aovis/contracts/http/devices';
import type { DesiredConfig } from '@aovis/contracts/shadow';
import { type Answer, expectAnswer } from './expect-answer.ts';

/** The customer's app, as the backend sees it: the same HTTP calls, one signed-in user. */
export class AppClient {
  readonly #backendUrl: string;
  readonly #mailUrl: string;
  #accessToken: string | undefined;

  constructor(options: { backendUrl: string; mailUrl: string }) {
    this.#backendUrl = options.backendUrl;
    this.#mailUrl = options.mailUrl;
  }

  /** Signs in as people do: asks for a magic link, takes its token from the mail, exchanges it. */
  async signIn(email: string): Promise<SignedIn> {
    const lastMail = await this.#lastMailId(email);
    const asked = await this.call<{ request_secret: string }>('POST', '/api/auth/app-magic-link', { email });
    if (asked.status !== 202)
      throw new Error(`Asking for a magic link answered ${asked.status}: ${JSON.stringify(asked.body)}`);
    const token = await this.#mailedToken(email, lastMail);
    const verified = await this.call<SignedIn>('POST', '/api/auth/app-magic-link/verify', {
      token,
      request_secret: asked.body.request_secret,
    });
    if (verified.status !== 200)
      throw new Error(`The magic link answered ${verified.status}: ${JSON.stringify(verified.body)}`);
    this.#accessToken = verified.body.access_token;
    return verified.body;
  }

  /** Goes on with an earlier sign-in; undefined when the backend does not know it any more. */
  async resume(refreshToken: string): Promise<TokenPair | undefined> {
    const { status, body } = await this.call<TokenPair>('POST', '/api/auth/app-token/refresh', {
      refresh_token: refreshToken,
    });
    if (status !== 200) return undefined;
    this.#accessToken = body.access_token;
    return body;
  }

  async activate(deviceId: string, activationCode: string): Promise<Answer<Activation>> {
    return this.call('POST', '/api/devices/activate', {
      aovis_device_id: deviceId,
      activation_code: activationCode,
    });
  }

  async device(deviceId: string): Promise<Answer<DeviceDetail>> {
    return this.call('GET', `/api/devices/${deviceId}`);
  }

  async stream(deviceId: string): Promise<Answer<{ protocol: string; url: string; expires_at: string }>> {
    return this.call('GET', `/api/devices/${deviceId}/stream?mode=live`);
  }

  /** Changes the desired configuration, as the version of it that was read just now. */
  async configure(deviceId: string, desired: DesiredConfig): Promise<Answer<ShadowView>> {
    const path = `/api/devices/${deviceId}/shadow`;
    const { version } = expectAnswer(await this.call<ShadowView>('GET', path), 200);
    return this.call('PATCH', path, { desired }, { 'if-match': `"${version}"` });
  }

  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(new URL(path, this.#backendUrl), {
      method,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.#accessToken === undefined ? {} : { authorization: `Bearer ${this.#accessToken}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T };
  }

  /** Waits for the mail (the sink holds the request open until one comes) and reads the token behind `#token=`. */
  async #mailedToken(email: string, after: string | undefined): Promise<string> {
    const response = await this.#mail('/messages/next', email, after);
    if (response.status !== 200)
      throw new Error(`No mail for ${email} came: the mail sink answered ${response.status}.`);
    const { text } = (await response.json()) as { text: string };
    const token = /#token=([A-Za-z0-9_-]+)/.exec(text)?.[1];
    if (token === undefined) throw new Error(`The mail to ${email} holds no sign-in link.`);
    return token;
  }

  async #lastMailId(email: string): Promise<string | undefined> {
    const response = await this.#mail('/messages', email);
    const { messages } = (await response.json()) as { messages: { id: string }[] };
    return messages.at(-1)?.id;
  }

  async #mail(path: string, to: string, after?: string): Promise<Response> {
    const url = new URL(path, this.#mailUrl);
    url.searchParams.set('to', to);
    if (after !== undefined) url.searchParams.set('after', after);
    return fetch(url, { signal: AbortSignal.timeout(60_000) });
  }
}
