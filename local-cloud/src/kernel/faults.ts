import { randomUUID } from 'node:crypto';
import { z } from 'zod';

/**
 * Faults on demand. A rule names a service and, if it likes, an operation; a service asks `take` before it acts and
 * does what the rule says. `times` runs down to nothing; without it the rule stays until it is removed.
 */
export const faultRuleSchema = z.strictObject({
  service: z.enum([
    'iot-core',
    'iot-data',
    'iot-broker',
    'credential-provider',
    'kinesis-video',
    'kinesis-signaling',
    'bedrock',
    'kms',
    'service-quotas',
    'identity',
    'mail',
    'stripe',
    'eiotclub',
  ]),
  operation: z.string().optional(),
  /** Only for this thing, stream or key, where the service knows one. */
  subject: z.string().optional(),
  effect: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('error'),
      status: z.int().min(400).max(599),
      code: z.string(),
      message: z.string().default('Injected fault'),
    }),
    z.strictObject({ kind: z.literal('delay'), ms: z.int().min(1).max(600_000) }),
    /** The request is carried out, the connection ends without an answer. */
    z.strictObject({ kind: z.literal('lose-answer') }),
    /** The connection ends before anything is done. */
    z.strictObject({ kind: z.literal('drop') }),
    /** A service's own fault, named in its README (`cut-media`, `error-ack`, …). */
    z.strictObject({ kind: z.literal('custom'), name: z.string(), value: z.json().optional() }),
  ]),
  times: z.int().positive().optional(),
});
export type FaultRule = z.infer<typeof faultRuleSchema>;
export type FaultEffect = FaultRule['effect'];
export type GeneralEffect = Exclude<FaultEffect, { kind: 'custom' }>;

const isAny = (_effect: FaultEffect): _effect is FaultEffect => true;
const isGeneral = (effect: FaultEffect): effect is GeneralEffect => effect.kind !== 'custom';

export class Faults {
  /** One switch for the throttles of every AWS endpoint, for tests and demos that are about something else. */
  throttling = true;
  readonly #rules = new Map<string, FaultRule>();

  add(rule: FaultRule): string {
    const id = randomUUID();
    this.#rules.set(id, { ...rule });
    return id;
  }

  remove(id: string): boolean {
    return this.#rules.delete(id);
  }

  clear(): void {
    this.#rules.clear();
  }

  list(): { id: string; rule: FaultRule }[] {
    return [...this.#rules].map(([id, rule]) => ({ id, rule }));
  }

  /** As `take`, for a place that knows no `custom` faults: it leaves those to the places they are made for. */
  takeGeneral(service: FaultRule['service'], operation: string, subject?: string): GeneralEffect | undefined {
    return this.#take(service, operation, subject, isGeneral);
  }

  /** The effect of the first rule that matches, and one use of it spent. */
  take(service: FaultRule['service'], operation: string, subject?: string): FaultEffect | undefined {
    return this.#take(service, operation, subject, isAny);
  }

  #take<T extends FaultEffect>(
    service: FaultRule['service'],
    operation: string,
    subject: string | undefined,
    isWanted: (effect: FaultEffect) => effect is T,
  ): T | undefined {
    for (const [id, rule] of this.#rules) {
      const { effect } = rule;
      if (!isWanted(effect)) continue;
      if (rule.service !== service) continue;
      if (rule.operation !== undefined && rule.operation !== operation) continue;
      if (rule.subject !== undefined && rule.subject !== subject) continue;
      if (rule.times !== undefined) {
        rule.times -= 1;
        if (rule.times <= 0) this.#rules.delete(id);
      }
      return effect;
    }
    return undefined;
  }
}
