import { setTimeout as pause } from 'node:timers/promises';
import { dataOf } from '@aovis/api-client/api-error';
import { type ApiClient, createApiClient, tokensOf } from '@aovis/api-client/client';
import type { operations } from '@aovis/api-client/schema';
import { MemoryTokenStore } from '@aovis/api-client/token-refresh';
import type { Activation, ActivationClaim } from '@aovis/contracts/http/activation';
import type { SignedIn, TokenPair } from '@aovis/contracts/http/auth';
import type { DeviceDetail } from '@aovis/contracts/http/devices';
import { type Answer, expectAnswer } from './expect-answer.ts';
import { lastMailId, mailedToken } from './mailbox.ts';

/** As the API's document advises. */
const askAgainMs = 1_000;

export type ConfigChange =
  operations['updateDeviceShadow']['requestBody']['content']['application/json']['desired'];

/** The customer's app, as the backend sees it: the published client, one signed-in user. */
export class AppClient {
  /** Typed calls of every route. */
  readonly api: ApiClient;
  readonly #backendUrl: string;
  readonly #mailUrl: string;
  readonly #tokens = new MemoryTokenStore();

  constructor(options: { backendUrl: string; mailUrl: string }) {
    this.#backendUrl = options.backendUrl;
    this.#mailUrl = options.mailUrl;
    this.api = createApiClient({ baseUrl: options.backendUrl, tokens: this.#tokens });
  }

  /** Signs in as people do: asks for a magic link, takes its token from the mail, exchanges it. */
  async signIn(email: string): Promise<SignedIn> {
    await this.#tokens.write(undefined);
    const lastMail = await lastMailId(this.#mailUrl, email);
    const asked = dataOf(await this.api.POST('/api/auth/app-magic-link', { body: { email } }));
    const token = await mailedToken(this.#mailUrl, email, lastMail);
    const body = { token, request_secret: asked.request_secret };
    const signedIn = dataOf(await this.api.POST('/api/auth/app-magic-link/verify', { body }));
    await this.#tokens.write(tokensOf(signedIn));
    return signedIn;
  }

  /** Goes on with an earlier sign-in; undefined when the backend does not know it any more. */
  async resume(refreshToken: string): Promise<TokenPair | undefined> {
    await this.#tokens.write(undefined);
    const body = { refresh_token: refreshToken };
    const { data } = await this.api.POST('/api/auth/app-token/refresh', { body });
    if (data) await this.#tokens.write(tokensOf(data));
    return data;
  }

  /** 202 where the board has to confirm: `claim` tells what comes of it. */
  async beginActivation(
    deviceId: string,
    activationCode: string,
  ): Promise<Answer<Activation | ActivationClaim>> {
    const body = { aovis_device_id: deviceId, activation_code: activationCode };
    return answerOf(await this.api.POST('/api/devices/activate', { body }));
  }

  async claim(claimId: string): Promise<Answer<ActivationClaim>> {
    const params = { path: { claim_id: claimId } };
    return answerOf(await this.api.GET('/api/devices/claims/{claim_id}', { params }));
  }

  /** Activates, and waits for the board where it has to confirm; throws a sentence when it does not. */
  async activate(deviceId: string, activationCode: string): Promise<Answer<Activation>> {
    const { status, body } = await this.beginActivation(deviceId, activationCode);
    if (!('claim_id' in body)) return { status, body };
    const ended = await this.#endOf(body.claim_id);
    if (ended.activation !== null) return { status: 200, body: ended.activation };
    throw new Error(ended.failure?.message ?? `The claim ended as ${ended.status}.`);
  }

  /** A claim ends by itself, after two minutes at the latest. */
  async #endOf(claimId: string): Promise<ActivationClaim> {
    for (;;) {
      const claim = expectAnswer(await this.claim(claimId), 200);
      if (claim.status !== 'pending') return claim;
      await pause(askAgainMs);
    }
  }

  async device(deviceId: string): Promise<Answer<DeviceDetail>> {
    return answerOf(await this.api.GET('/api/devices/{id}', at(deviceId)));
  }

  async stream(deviceId: string): Promise<Answer<{ protocol: string; url: string; expires_at: string }>> {
    return answerOf(await this.api.GET('/api/devices/{id}/stream', at(deviceId)));
  }

  /** What a viewer of the live view needs; good for one connection. */
  async inviteViewer(deviceId: string) {
    return answerOf(await this.api.POST('/api/devices/{id}/webrtc', at(deviceId)));
  }

  /** Changes the desired configuration, as the version of it that was read just now. */
  async configure(deviceId: string, desired: ConfigChange) {
    const { params } = at(deviceId);
    const { version } = dataOf(await this.api.GET('/api/devices/{id}/shadow', { params }));
    const header = { 'If-Match': `"${version}"` };
    return answerOf(
      await this.api.PATCH('/api/devices/{id}/shadow', { params: { ...params, header }, body: { desired } }),
    );
  }

  /** Whatever a person types: any method, path and body, signed in. */
  async call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const tokens = await this.#tokens.read();
    const response = await fetch(new URL(path, this.#backendUrl), {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(tokens === undefined ? {} : { authorization: `Bearer ${tokens.accessToken}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T };
  }
}

function at(deviceId: string): { params: { path: { id: string } } } {
  return { params: { path: { id: deviceId } } };
}

/** The client's types are the document's, the callers' those of the contracts: the compiler compares them here. */
function answerOf<T>({
  data,
  error,
  response,
}: {
  data?: T;
  error?: unknown;
  response: Response;
}): Answer<T> {
  return { status: response.status, body: (response.ok ? data : error) as T };
}
