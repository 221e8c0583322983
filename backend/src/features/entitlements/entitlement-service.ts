import type { Capability } from '@aovis/contracts/http/devices';
import type { Clock } from '../../kernel/clock.ts';
import { allowance, type Entitlement, trialCapability, trialWindow } from './entitlement.ts';
import type { EntitlementRepository, HandOver } from './entitlement-repository.ts';

export interface PurchasedRights {
  purchaseId: string;
  userId: string;
  deviceId: string;
  capabilities: readonly Capability[];
  startsAt: Date;
  endsAt: Date;
}

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
    return (await this.allowance(userId, deviceId, capability)) !== undefined;
  }

  /** Whether it is allowed now, and until when. */
  async allowance(userId: string, deviceId: string, capability: Capability) {
    return allowance(await this.list(userId, deviceId), capability, this.#clock.now());
  }

  /** Starts the device's trial unless it had one. Returns the trial when it is this user's, new or not. */
  async startTrial(userId: string, deviceId: string): Promise<Entitlement | undefined> {
    const window = trialWindow(this.#clock.now());
    await this.#repository.insertTrial({ userId, deviceId, capability: trialCapability, ...window });
    const entitlements = await this.list(userId, deviceId);
    return entitlements.find(({ source }) => source === 'trial');
  }

  /** All that a purchase allows, from its activation on; also once more after a suspension. */
  async grantPurchase({ capabilities, ...purchase }: PurchasedRights): Promise<void> {
    for (const capability of capabilities)
      await this.#repository.insertPurchased({ ...purchase, capability });
    await this.#repository.changeStatusOfPurchase(purchase.purchaseId, {
      from: ['suspended'],
      to: 'active',
      change: 'restored',
      reason: 'the dispute was won',
    });
  }

  /**
   * All that a device's owner has on it, from the rest of the trial to a suspended plan, becomes the next owner's. A
   * plan that is paid and not active yet follows when it becomes so.
   */
  async handOver(handOver: HandOver): Promise<number> {
    return this.#repository.handOver(handOver);
  }

  async suspendPurchase(purchaseId: string, reason: string): Promise<void> {
    const change = { from: ['active'], to: 'suspended', change: 'suspended', reason } as const;
    await this.#repository.changeStatusOfPurchase(purchaseId, change);
  }

  async revokePurchase(purchaseId: string, reason: string): Promise<void> {
    const change = { from: ['active', 'suspended'], to: 'revoked', change: 'revoked', reason } as const;
    await this.#repository.changeStatusOfPurchase(purchaseId, change);
  }
}
