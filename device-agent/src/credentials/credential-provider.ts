import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import * as z from 'zod';
import type { Clock } from '../host/clock.ts';
import { duration } from '../host/duration.ts';
import type { Logger } from '../host/logger.ts';
import { CredentialError, refusedCredentials } from './credential-error.ts';
import type { CredentialSource, TemporaryCredentials } from './credential-source.ts';

/** Credentials are renewed when less than this is left, or a fifth of their life if that is shorter. */
const renewBeforeMs = 5 * 60_000;
const renewBeforeShare = 0.2;
/** Boards that got their credentials together do not come back together: up to this share of the margin earlier. */
const jitterShare = 0.5;
const requestTimeoutMs = 15_000;
const maxAnswerBytes = 64 * 1024;

const answerSchema = z.object({
  credentials: z.object({
    accessKeyId: z.string().min(1),
    secretAccessKey: z.string().min(1),
    sessionToken: z.string().min(1),
    expiration: z.iso.datetime(),
  }),
});

export interface CredentialProviderOptions {
  host: string;
  port: number;
  roleAlias: string;
  thing: string;
  /** PEM. */
  certificate: string;
  privateKey: string;
  rootCa: string;
  clock: Clock;
  logger: Logger;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Called when a request failed as it does when the board's clock is wrong. */
  onClockInDoubt?: () => void;
}

interface Cached {
  credentials: TemporaryCredentials;
  /** Milliseconds since the epoch. */
  renewAt: number;
}

/**
 * The board's credentials from the AWS IoT credential provider (Developer Guide, "Authorizing direct calls to AWS
 * services"): asked for by mutual TLS, kept while they last, renewed in the background before they end. However many
 * ask at once, one request goes out.
 */
export class CredentialProvider implements CredentialSource {
  readonly #options: CredentialProviderOptions;
  #cached: Cached | undefined;
  #renewing: Promise<TemporaryCredentials> | undefined;
  #lastError: CredentialError | undefined;

  constructor(options: CredentialProviderOptions) {
    this.#options = options;
  }

  /** Why the last request failed; undefined when it did not. */
  get lastError(): CredentialError | undefined {
    return this.#lastError;
  }

  /** Rejects with `CredentialError` when there are none and none can be had. */
  get(): Promise<TemporaryCredentials> {
    const cached = this.#cached;
    const now = this.#options.clock.now();
    if (cached === undefined || now >= cached.credentials.expiresAt.getTime()) return this.#renew();
    // A failure is logged; what is cached still serves.
    if (now >= cached.renewAt) this.#renew().catch(() => {});
    return Promise.resolve(cached.credentials);
  }

  forget(): void {
    this.#cached = undefined;
  }

  #renew(): Promise<TemporaryCredentials> {
    this.#renewing ??= this.#fetch().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #fetch(): Promise<TemporaryCredentials> {
    const { clock, logger } = this.#options;
    try {
      const credentials = await this.#request();
      this.#cached = { credentials, renewAt: this.#renewAt(clock.now(), credentials.expiresAt.getTime()) };
      this.#lastError = undefined;
      logger.info({ expiresAt: credentials.expiresAt }, 'Got temporary credentials.');
      return credentials;
    } catch (cause) {
      if (isOfCertificateDates(cause)) this.#options.onClockInDoubt?.();
      const error = cause instanceof CredentialError ? cause : unreachable(this.#options.host, cause);
      const repeated = this.#lastError?.message === error.message;
      this.#lastError = error;
      logger[repeated ? 'debug' : error.needsPerson ? 'error' : 'warn'](error.message);
      throw error;
    }
  }

  #renewAt(now: number, expiresAt: number): number {
    const margin = Math.min(renewBeforeMs, (expiresAt - now) * renewBeforeShare);
    return expiresAt - margin * (1 + jitterShare * this.#options.random());
  }

  async #request(): Promise<TemporaryCredentials> {
    const { host, roleAlias, thing, clock } = this.#options;
    const { status, date, body } = await this.#ask();
    const json = parseJson(body);
    if (status !== 200) {
      const said = z.object({ message: z.string() }).safeParse(json);
      throw refusedCredentials(status, said.success ? said.data.message : 'no message', {
        host,
        roleAlias,
        thing,
      });
    }
    const parsed = answerSchema.safeParse(json);
    if (!parsed.success)
      throw new CredentialError(
        `${host} answered something that is no credentials document: check endpoints.credentials in device.json.`,
        true,
      );
    const { expiration, ...secrets } = parsed.data.credentials;
    const expiresAt = new Date(expiration);
    if (expiresAt.getTime() <= clock.now()) {
      this.#options.onClockInDoubt?.();
      throw new CredentialError(
        `${host} issued credentials that have expired by this board's clock${aheadOf(date, clock.now())}: set the ` +
          'clock (NTP), then streaming goes on.',
        false,
      );
    }
    return { ...secrets, expiresAt };
  }

  #ask(): Promise<{ status: number; date: string | undefined; body: string }> {
    const { host, port, roleAlias, thing, certificate, privateKey, rootCa } = this.#options;
    const agent = new Agent({ keepAlive: false });
    return new Promise((resolve, reject) => {
      const sent = request({
        agent,
        host,
        port,
        path: `/role-aliases/${encodeURIComponent(roleAlias)}/credentials`,
        headers: { 'x-amzn-iot-thingname': thing, accept: 'application/json' },
        cert: certificate,
        key: privateKey,
        ca: rootCa,
        minVersion: 'TLSv1.2',
        timeout: requestTimeoutMs,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.on('error', reject);
      sent.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
          if (body.length > maxAnswerBytes) sent.destroy(new Error('the answer is too large'));
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, date: response.headers.date, body }),
        );
      });
      sent.end();
    });
  }
}

/** By the board's clock the server's certificate is not valid. */
const isOfCertificateDates = (error: unknown): boolean =>
  ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'].includes((error as NodeJS.ErrnoException).code ?? '');

function unreachable(host: string, cause: unknown): CredentialError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CredentialError(
    `The credential provider ${host} cannot be asked (${reason}): check the uplink; if only this host fails, check ` +
      'that the certificate is ACTIVE and root-ca.pem is the right one. The agent tries again.',
    false,
    { cause },
  );
}

/** How far the board's clock is ahead of the service's, which stands in the header Date (RFC 9110, 6.6.1). */
function aheadOf(date: string | undefined, now: number): string {
  const aheadMs = now - Date.parse(date ?? '');
  return aheadMs > 0
    ? `, which is ${duration(Math.round(aheadMs / 60_000) * 60_000)} ahead of the service's`
    : '';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
