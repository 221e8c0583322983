import { randomInt } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { CallPace } from './call-slots.ts';
import { numbersAsText, parseLossless } from './lossless-json.ts';
import { sign } from './signature.ts';

export interface EiotclubAccount {
  /** `https://oapi.eiotclub.com`, or a stand-in. */
  baseUrl: string;
  appKey: string;
  secret: string;
}

export interface EiotclubClientOptions {
  account: EiotclubAccount;
  clock: Clock;
  pace: CallPace;
  timeoutMs?: number;
}

/** The carrier did not do what it was asked. Its code is for the audit and the log; nobody outside is told. */
export class CarrierRefusal extends AppError {
  override name = 'CarrierRefusal';
  readonly carrierCode: string;

  constructor(carrierCode: string) {
    super('sim_provider_error', { cause: new Error(`the carrier answered code ${carrierCode}`) });
    this.carrierCode = carrierCode;
  }
}

const answerSchema = z.object({
  code: z.string().min(1).max(32),
  message: z.string().nullish(),
  data: z.unknown().optional(),
});

const largestAnswerBytes = 8 * 1024 * 1024;
/** How long to leave the carrier alone after it did not answer. */
const restMs = 5_000;

/**
 * Calls of EIOTCLUB's open platform: signed JSON by POST, the account's rate kept, the answer's envelope checked. Every
 * number of an answer comes as its text.
 */
export class EiotclubClient {
  readonly #options: Required<EiotclubClientOptions>;

  constructor(options: EiotclubClientOptions) {
    this.#options = { timeoutMs: 15_000, ...options };
  }

  /**
   * The `data` of the answer, its shape as the schema says.
   * @throws CarrierRefusal when the answer's code is not 200
   * @throws AppError service_unavailable when there is no answer: whether the call was carried out is not known then
   * @throws AppError sim_provider_error for an answer that is none
   */
  async call<Schema extends z.ZodType>(
    method: string,
    parameters: Record<string, string | number>,
    { schema, signal }: { schema: Schema; signal: AbortSignal },
  ): Promise<z.output<Schema>> {
    await this.#options.pace.next(signal);
    const answer = parseAnswer(answerSchema, await this.#post(method, parameters, signal));
    if (answer.code !== '200') throw new CarrierRefusal(answer.code);
    return parseAnswer(schema, answer.data);
  }

  async #post(
    method: string,
    parameters: Record<string, string | number>,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { account, clock, timeoutMs } = this.#options;
    const signed = {
      ...parameters,
      appkey: account.appKey,
      timestamp: Math.floor(clock.now().getTime() / 1_000),
      nonce: randomInt(10_000, 100_000),
    };
    try {
      const response = await fetch(new URL(`/api/v3/${method}`, account.baseUrl), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json;charset=utf-8' },
        body: JSON.stringify({ ...signed, sign: sign(signed, account.secret) }),
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      return numbersAsText(parseLossless(await textOf(response)));
    } catch (cause) {
      if (cause instanceof SyntaxError) throw new AppError('sim_provider_error', { cause: unreadable() });
      throw new AppError('service_unavailable', { cause, retryAfterMs: restMs });
    }
  }
}

async function textOf(response: Response): Promise<string> {
  if (response.status >= 500 || response.status === 429) {
    await response.body?.cancel();
    throw new Error(`the carrier answered HTTP ${response.status}`);
  }
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > largestAnswerBytes) {
    await response.body?.cancel();
    throw new Error(`the carrier's answer has ${length} bytes, more than ${largestAnswerBytes}`);
  }
  return response.text();
}

/** Without the text: answers hold card numbers. */
function unreadable(): Error {
  return new Error('the carrier’s answer is no JSON');
}

/** Its issues name fields, never values. */
function parseAnswer<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const fields = result.error.issues.map(({ path, code }) => `${path.join('.') || 'answer'}: ${code}`);
  throw new AppError('sim_provider_error', {
    cause: new Error(`the carrier’s answer does not fit (${fields.slice(0, 5).join(', ')})`),
  });
}
