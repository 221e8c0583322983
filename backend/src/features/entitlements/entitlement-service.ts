import type { Capability } from '@aovis/contracts/http/devices';
import type { Clock } from '../../kernel/clock.ts';
import { allows, type Entitlement, trialCapability, trialWindow } from './entitlement.ts';
import type { EntitlementRepository } from './entitlement-repository.ts';

/** Who may use what. Made over a database or over a transaction, as its repository is. */
export class EntitlementService {
  readonly #repository: EntitlementRepository;
  readonly #clock: Clock;

  constructor({ repository, clock }: { repository: EntitlementRepository; clock: Clock }) {
    this.#repository = repository;
    this.#clock = clock;
  }

  async list(userId: string, deviceId: string): Promise<Entitlement[]> {
    return this.#repository.list(userId, deviceId);
  }

  async allows(userId: string, deviceId: string, capability: Capability): Promise<boolean> {
    return allows(await this.list(userId, deviceId), capability, this.#clock.now());
  }

  /** Starts the device's trial unless it had one. Returns the trial when it is this user's, new or not. */
  async startTrial(userId: string, deviceId: string): Promise<Entitlement | undefined> {
    const window = trialWindow(this.#clock.now());
    await this.#repository.insertTrial({ userId, deviceId, capability: trialCapability, ...window });
    const entitlements = await this.list(userId, deviceId);
    return entitlements.find(({ source }) => source === 'trial');
  }
}
