import { types } from 'node:util';
import {
  type BoardConflictReason,
  type BoardStanding,
  batchLeasedDetailsSchema,
  boardConflictDetailsSchema,
  changeBoard,
  importManifest,
  leaseBatch,
  lookUpBoards,
  type ManifestResult,
  manifestConflictDetailsSchema,
} from '@aovis/contracts/http/factory';
import { z } from 'zod';
import { CloudFailure } from '../cloud/iot-registry.ts';
import { PacedCalls, type RetryRules } from '../cloud/paced-calls.ts';
import { messageOf, Refusal } from '../refusal.ts';
import { conflictSentence } from './conflict-sentence.ts';

const errorBodySchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    request_id: z.string().optional(),
    details: z.unknown().optional(),
  }),
});

const issuesSchema = z.object({ issues: z.array(z.string()) });

/** The backend does not change a board, for a reason that it names. */
export class BoardConflict extends Refusal {
  readonly reason: BoardConflictReason;

  constructor(reason: BoardConflictReason, reference: string) {
    super('conflict', `The backend does not change the board: ${boardConflictSentences[reason]}${reference}`);
    this.reason = reason;
  }
}

/** Another station is at work on the list. */
export class BatchLeased extends Refusal {
  constructor(stationId: string, expiresAt: string) {
    super(
      'conflict',
      `Station ${stationId} is at work on this very list (until ${expiresAt}, if it does not go on); wait for it, or give ` +
        'each station a list of its own.',
    );
  }
}

const boardConflictSentences: Record<BoardConflictReason, string> = {
  unknown: 'it does not know it; hand it over first, with the same «batch run» again.',
  retired: 'it was retired there.',
  revoked: 'it was revoked there; only its administrator brings it back.',
  owned: 'somebody owns it; have it released by staff first.',
  certificate_differs: 'it has another certificate of it; «aovis-provision device show» compares.',
  certificate_in_use: 'another board has the certificate.',
};

interface Call<T> {
  path: string;
  body: object;
  /** What is sent, in a sentence. */
  what: string;
  answer: z.ZodType<T>;
}

/** What a station sends to the backend: manifests and signed requests. Each may be sent any number of times. */
export class BackendClient {
  readonly url: string;
  readonly #timeoutMs: number;
  readonly #rules: RetryRules;
  readonly #calls: PacedCalls;

  constructor(options: { url: string; requestTimeoutMs: number; rules: RetryRules }) {
    this.url = options.url.replace(/\/+$/, '');
    this.#timeoutMs = options.requestTimeoutMs;
    this.#rules = options.rules;
    this.#calls = new PacedCalls(options.rules);
  }

  /** Throws `Refusal` when the backend says no, `CloudFailure` when it does not answer. So do the others. */
  async push(jws: string, dryRun: boolean): Promise<ManifestResult> {
    return await this.#call({
      path: importManifest.path,
      body: { manifest: jws, ...(dryRun ? { dry_run: true } : {}) },
      what: 'manifest',
      answer: importManifest.responses[200],
    });
  }

  /** `request`: signed. */
  async lookUp(request: string): Promise<{ boards: BoardStanding[]; more: boolean }> {
    return await this.#call({
      path: lookUpBoards.path,
      body: { request },
      what: 'question',
      answer: lookUpBoards.responses[200],
    });
  }

  /** `request`: signed. Throws `BoardConflict`, too. */
  async change(request: string): Promise<'changed' | 'unchanged'> {
    const { result } = await this.#call({
      path: changeBoard.path,
      body: { request },
      what: 'change',
      answer: changeBoard.responses[200],
    });
    return result;
  }

  /** `request`: signed. Throws `BatchLeased`, too. */
  async lease(request: string): Promise<void> {
    await this.#call({
      path: leaseBatch.path,
      body: { request },
      what: 'lease',
      answer: leaseBatch.responses[200],
    });
  }

  #call<T>(call: Call<T>): Promise<T> {
    return this.#calls.call(undefined, () => this.#post(call));
  }

  async #post<T>({ path, body: content, what, answer }: Call<T>): Promise<T> {
    const { signal, clock } = this.#rules;
    let response: Response;
    let body: string;
    try {
      response = await fetch(this.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(content),
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]),
      });
      body = await response.text();
    } catch (error) {
      signal.throwIfAborted();
      throw this.#unavailable(what, causeOf(error), error);
    }
    if (response.status === 429) {
      // Wait as long as it says, then as after any throttle.
      const seconds = Number(response.headers.get('retry-after') ?? '0');
      await clock.sleep(Math.min(60, Number.isFinite(seconds) ? seconds : 0) * 1000, signal);
      throw new CloudFailure('throttled', what, 'The backend asks for fewer requests.');
    }
    if (response.status >= 500) throw this.#unavailable(what, `status ${response.status}`);
    const json = parseJson(body);
    if (response.status === 200) {
      const result = answer.safeParse(json);
      if (result.success) return result.data;
      throw this.#unavailable(what, 'its answer is not one of our backend');
    }
    throw this.#refusal(what, response.status, json);
  }

  #unavailable(what: string, why: string, cause?: unknown): CloudFailure {
    return new CloudFailure(
      'unavailable',
      what,
      `The backend ${this.url} does not take the ${what} now (${why}); check the network, then run the same command again.`,
      cause,
    );
  }

  #refusal(what: string, status: number, json: unknown): Refusal {
    const parsed = errorBodySchema.safeParse(json);
    if (!parsed.success)
      return new Refusal('usage', `${this.url} answers ${status} and is not our backend; check backend_url.`);
    const { code, message, request_id, details } = parsed.data.error;
    const reference = request_id ? ` (request ${request_id})` : '';
    if (code === 'manifest_conflict')
      return new Refusal('conflict', `The backend disagrees: ${message}${reference}`, {
        details: conflictLines(details),
      });
    const conflict = boardConflictDetailsSchema.safeParse(details);
    if (code === 'board_conflict' && conflict.success)
      return new BoardConflict(conflict.data.reason, reference);
    const lease = batchLeasedDetailsSchema.safeParse(details);
    if (code === 'batch_leased' && lease.success)
      return new BatchLeased(lease.data.station_id, lease.data.expires_at);
    const issues = issuesSchema.safeParse(details);
    if (code === 'invalid_signature' && what !== 'manifest' && issues.success)
      return new Refusal('credentials', `The backend does not accept the ${what}${reference}.`, {
        details: issues.data.issues,
      });
    if (code === 'unknown_station' || code === 'invalid_signature') {
      return new Refusal(
        'credentials',
        `The backend does not know this station's key: ${message}${reference} Register what «aovis-provision station show» prints.`,
      );
    }
    return new Refusal('conflict', `The backend refuses the ${what}: ${message}${reference}`);
  }
}

function conflictLines(details: unknown): string[] {
  const parsed = manifestConflictDetailsSchema.safeParse(details);
  if (!parsed.success) return [];
  if ('manifest_id' in parsed.data) return ['the manifest id was used with another content'];
  return parsed.data.devices.filter(({ result }) => result === 'conflict').map(conflictSentence);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch hides the reason (ECONNREFUSED …) in `cause`. */
function causeOf(error: unknown): string {
  return types.isNativeError(error) && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}
