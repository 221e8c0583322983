import type { PolicyDocument } from '../iot-core/registry.ts';
import {
  type CompiledPolicies,
  compilePolicies,
  evaluateCompiled,
  type PolicyContext,
} from './iot-policy.ts';

export type PolicyAction =
  | 'iot:Connect'
  | 'iot:Publish'
  | 'iot:RetainPublish'
  | 'iot:Subscribe'
  | 'iot:Receive';

/** A board uses a handful of topics; whatever uses thousands pays with a fresh start. */
const rememberedDecisions = 128;

/** What one connection may do: its policies with its variables filled in, and the decisions they led to. */
export class Authority {
  readonly #policies: CompiledPolicies;
  readonly #arnPrefix: string;
  readonly #decisions = new Map<string, boolean>();

  /** `arnPrefix` is `arn:aws:iot:<region>:<account>:`. */
  constructor(
    policies: readonly PolicyDocument[],
    variables: Readonly<Record<string, string>>,
    arnPrefix: string,
  ) {
    this.#policies = compilePolicies(policies, variables);
    this.#arnPrefix = arnPrefix;
  }

  /** `resource` without the prefix of its ARN: `topic/a/b`, `topicfilter/a/+`, `client/a`. */
  allows(action: PolicyAction, resource: string): boolean {
    const key = `${action} ${resource}`;
    const known = this.#decisions.get(key);
    if (known !== undefined) return known;
    const decision = this.#evaluate(action, resource, {});
    if (this.#decisions.size >= rememberedDecisions) this.#decisions.clear();
    this.#decisions.set(key, decision);
    return decision;
  }

  /** `attributes`: PersistentConnect, LastWill, as the CONNECT asks for them. */
  allowsConnect(clientId: string, attributes: readonly string[]): boolean {
    return this.#evaluate('iot:Connect', `client/${clientId}`, { 'iot:ConnectAttributes': attributes });
  }

  #evaluate(action: PolicyAction, resource: string, context: PolicyContext): boolean {
    return evaluateCompiled(this.#policies, action, this.#arnPrefix + resource, context) === 'allowed';
  }
}
