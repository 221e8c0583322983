import type { Logger } from 'pino';
import type { AdminRoute } from './admin-route.ts';
import type { Clock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { Pki } from './pki.ts';
import type { AccessKeys } from './principal.ts';
import type { Store } from './store.ts';

/** What every service is given. */
export interface Environment {
  region: string;
  /** Twelve digits. */
  accountId: string;
  clock: Clock;
  store: Store;
  /** Folder for what does not fit the store (media), the service's own. */
  directory: string;
  faults: Faults;
  accessKeys: AccessKeys;
  pki: Pki;
  log: Logger;
}

/** A running stand-in. Ports: 0 means a free one. */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Forgets what it holds beside the store (media, sessions); called right after `store.reset()`. */
  reset?(): Promise<void> | void;
  readonly adminRoutes: readonly AdminRoute[];
}
