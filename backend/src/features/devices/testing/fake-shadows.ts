import { AppError } from '../../../kernel/errors.ts';
import type { ShadowDocument, ShadowPort } from '../shadow-port.ts';

/** Shadows in memory, with AWS's version rules; `away` makes the service unreachable. */
export class FakeShadows implements ShadowPort {
  away = false;
  readonly #shadows = new Map<string, ShadowDocument>();

  put(thing: string, shadowName: string | undefined, shadow: Partial<ShadowDocument>): void {
    const empty = { reported: {}, desired: {}, delta: {}, version: 1, reportedAtMs: undefined };
    this.#shadows.set(keyOf(thing, shadowName), { ...empty, ...shadow });
  }

  async find(thing: string, shadowName: string | undefined): Promise<ShadowDocument | undefined> {
    this.#assertReachable();
    return this.#shadows.get(keyOf(thing, shadowName));
  }

  async mergeDesired(
    thing: string,
    { shadowName, desired, expectedVersion }: Parameters<ShadowPort['mergeDesired']>[1],
  ): Promise<void> {
    this.#assertReachable();
    const known = this.#shadows.get(keyOf(thing, shadowName));
    if (expectedVersion !== 0 && expectedVersion !== known?.version)
      throw new AppError('shadow_version_conflict');
    this.put(thing, shadowName, {
      ...known,
      desired: { ...known?.desired, ...desired },
      delta: { ...known?.delta, ...desired },
      version: (known?.version ?? 0) + 1,
    });
  }

  async clear(thing: string, shadowName: string | undefined): Promise<void> {
    this.#assertReachable();
    this.#shadows.delete(keyOf(thing, shadowName));
  }

  #assertReachable(): void {
    if (this.away) throw new AppError('service_unavailable', { retryAfterMs: 2_000 });
  }
}

function keyOf(thing: string, shadowName: string | undefined): string {
  return `${thing} ${shadowName ?? ''}`;
}
