import type { Store, Table } from '../kernel/store.ts';

export const cardStatuses = [
  'ACTIVATION_READY_NAME',
  'NON_ACTIVATED_NAME',
  'ACTIVATED_NAME',
  'DEACTIVATED_NAME',
  'RETIRED_NAME',
] as const;
export type CardStatus = (typeof cardStatuses)[number];

export interface Card {
  iccid: string;
  imsi: string;
  msisdn: string;
  /** Only of cloud eSIM cards; those get the events whose names begin with CloudESim. */
  eid: string | null;
  cardStatus: CardStatus;
  productCode: string;
  productName: string;
}

/** What can be ordered for a card. */
export interface Package {
  packageCode: string;
  packageName: string;
  productCode: string;
  /** Cents of the account's currency. */
  priceMinor: number;
  megabytes: number;
  days: number;
}

/** 0 waiting, 1 in use, 2 done: used up, over or refunded. */
export type OrderState = 0 | 1 | 2;

export interface Order {
  orderId: number;
  orderNumber: string;
  outTradeNo: string;
  iccid: string;
  packageCode: string;
  packageName: string;
  amountMinor: number;
  refundedMinor: number | null;
  state: OrderState;
  totalMegabytes: number;
  usedMegabytes: number;
  /** Milliseconds since the epoch. */
  orderedAt: number;
  startedAt: number | null;
  endsAt: number | null;
  days: number;
  /** Alert types that were sent for it. */
  alerted: number[];
}

/** The customer's account and how it behaves. */
export interface Account {
  appKey: string;
  secret: string;
  balanceMinor: number;
  /** Where notifications go; null: nowhere. */
  notifyUrl: string | null;
  /** Signs notifications. */
  notifySecret: string;
  /** From the order to its effect; null: only when told. */
  effectiveAfterMs: number | null;
  /** Whether each attempt has a timestamp and nonce of its own, or all have those of the event. */
  freshTimestamps: boolean;
}

/** A notification as it is sent, but for timestamp, nonce and sign. */
export interface Notification {
  id: string;
  event: string;
  members: Record<string, unknown>;
  /** Unix seconds and nonce of when it happened. */
  timestamp: number;
  nonce: number;
}

const localAccount: Account = {
  appKey: 'local-cloud',
  secret: 'local-cloud-secret',
  balanceMinor: 10_000_00,
  notifyUrl: null,
  notifySecret: 'local-cloud-secret',
  effectiveAfterMs: 2000,
  freshTimestamps: true,
};

const product = 'P-GLOBAL';
const firstPackages: Package[] = [
  {
    packageCode: 'DATA-1GB-30D',
    packageName: '1 GB / 30 days',
    productCode: product,
    priceMinor: 300,
    megabytes: 1024,
    days: 30,
  },
  {
    packageCode: 'DATA-5GB-30D',
    packageName: '5 GB / 30 days',
    productCode: product,
    priceMinor: 900,
    megabytes: 5120,
    days: 30,
  },
  {
    packageCode: 'DATA-24GB-365D',
    packageName: '24 GB / 365 days',
    productCode: product,
    priceMinor: 4_900,
    megabytes: 24_576,
    days: 365,
  },
];

export class EiotclubState {
  readonly cards: Table<Card>;
  readonly orders: Table<Order>;
  readonly notifications: Table<Notification>;
  readonly #packages: Table<Package>;
  readonly #account: Table<Account>;

  constructor(store: Store) {
    this.cards = store.table('eiotclub.cards');
    this.orders = store.table('eiotclub.orders');
    this.notifications = store.table('eiotclub.notifications');
    this.#packages = store.table('eiotclub.packages');
    this.#account = store.table('eiotclub.account');
  }

  get account(): Account {
    return this.#account.get('account') ?? localAccount;
  }

  updateAccount(change: Partial<Account>): Account {
    const account = { ...this.account, ...change };
    this.#account.put('account', account);
    return account;
  }

  /** The ones it comes with, unless they were replaced, and those that were added. */
  packages(): Package[] {
    const byCode = new Map(firstPackages.map((one) => [one.packageCode, one]));
    for (const one of this.#packages.values()) byCode.set(one.packageCode, one);
    return [...byCode.values()];
  }

  putPackage(one: Package): void {
    this.#packages.put(one.packageCode, one);
  }

  findOrder(orderId: number): Order | undefined {
    return this.orders.get(orderKey(orderId));
  }

  putOrder(order: Order): Order {
    this.orders.put(orderKey(order.orderId), order);
    return order;
  }

  ordersOf(iccid: string): Order[] {
    return [...this.orders.values()].filter((order) => order.iccid === iccid);
  }
}

/** Sorts by age. */
function orderKey(orderId: number): string {
  return String(orderId).padStart(12, '0');
}
