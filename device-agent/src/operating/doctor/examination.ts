import { CredentialError } from '../../credentials/credential-error.ts';
import type { Clock } from '../../host/clock.ts';
import { Refusal } from '../../refusal.ts';
import { ServiceCallError } from '../../streaming/service-call.ts';

/** What the doctor looks at, in this order: each step needs those before it. */
export const stepNames = [
  'files',
  'key',
  'chain',
  'clock',
  'dns',
  'tcp',
  'tls',
  'mqtt',
  'credentials',
  'putmedia',
] as const;
export type StepName = (typeof stepNames)[number];

export interface StepResult {
  name: StepName;
  result: 'ok' | 'failed' | 'not_reached';
  /** What was found; of a failed step what is wrong and what to do. */
  detail?: string;
  /** How long it took, milliseconds. */
  ms?: number;
}

/** As `doctor --json` prints it. */
export interface DoctorReport {
  ok: boolean;
  /** The first step that failed. */
  failed?: StepName;
  steps: StepResult[];
}

/** Something is wrong with the board or its surroundings: the message says what to do. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** What a step learned, and the sentence for the report. */
export interface Learned<T> {
  value: T;
  detail: string;
}

/** Ends an examination whose last step failed. */
class Stopped extends Error {}

/** Runs one step after the other until one fails. */
export class Examination {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #steps: StepResult[] = [];

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** `examine` runs steps; the report says how far it came. What is no finding but a defect is thrown. */
  async run(examine: () => Promise<void>): Promise<DoctorReport> {
    try {
      await examine();
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
    const done = new Map(this.#steps.map((step) => [step.name, step]));
    const steps = stepNames.map((name) => done.get(name) ?? { name, result: 'not_reached' as const });
    const failed = steps.find(({ result }) => result === 'failed')?.name;
    return { ok: failed === undefined, ...(failed === undefined ? {} : { failed }), steps };
  }

  async step<T>(name: StepName, look: () => Promise<Learned<T>>): Promise<T> {
    const startedAt = this.#clock.monotonic();
    const ms = (): number => Math.round(this.#clock.monotonic() - startedAt);
    try {
      const { value, detail } = await look();
      this.#steps.push({ name, result: 'ok', detail, ms: ms() });
      return value;
    } catch (error) {
      if (!isFinding(error)) throw error;
      this.#steps.push({ name, result: 'failed', detail: error.message, ms: ms() });
      throw new Stopped();
    }
  }
}

/** Errors whose message is a sentence for a person. */
function isFinding(error: unknown): error is Error {
  return (
    error instanceof Finding ||
    error instanceof Refusal ||
    error instanceof CredentialError ||
    error instanceof ServiceCallError
  );
}
