import type { Registry } from '../iot-core/registry.ts';
import type { Environment } from '../kernel/service.ts';
import type { Engine } from './aedes-engine.ts';
import type { BrokerOptions } from './broker-options.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Gatekeeper, Refusal } from './gatekeeper.ts';
import type { Presence } from './presence.ts';
import type { SessionStore } from './session-store.ts';

/** What the broker is made of, for those of its parts that work together. */
export interface BrokerParts {
  environment: Environment;
  registry: Registry;
  options: BrokerOptions;
  engine: Engine;
  sessions: SessionStore;
  gatekeeper: Gatekeeper;
  presence: Presence;
  connections: Connections;
}

export function logRefusal(
  { log }: Pick<Environment, 'log'>,
  { admission, certificateId }: Connection,
  { message, reason }: Refusal,
): void {
  log.info({ clientId: admission?.clientId, certificateId, reason }, `refused: ${message}`);
}
