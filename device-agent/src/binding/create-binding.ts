import type { AgentConfig } from '../config.ts';
import type { BoardEvents } from '../events/board-events.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { StateDirectory } from '../host/state-directory.ts';
import type { Bundle } from '../identity/bundle.ts';
import type { IotConnection } from '../iot/iot-connection.ts';
import type { Part } from '../part.ts';
import type { ShadowClient } from '../shadow/shadow-client.ts';
import { BindingFile } from './binding-file.ts';
import { boardSigner } from './board-signer.ts';
import { ButtonServer } from './button-server.ts';
import { ChallengeResponder } from './challenge-responder.ts';
import { ClaimLight } from './claim-light.ts';
import type { OwnedData } from './former-owner-data.ts';
import type { GatedConnection } from './gated-connection.ts';
import { OwnershipKeeper } from './ownership-keeper.ts';
import { ProofJournal } from './proof-journal.ts';

export interface BindingWiring {
  config: Pick<AgentConfig, 'claimLightCommand'>;
  state: StateDirectory;
  bundle: Bundle;
  connection: IotConnection;
  /** Opened on each connection once the board knows whose it is. */
  gate: GatedConnection;
  /** Of the named shadow `ownership`. */
  client: ShadowClient;
  events: Pick<BoardEvents, 'emit'>;
  /** What is the owner's on this board. */
  data: readonly OwnedData[];
  clock: Clock;
  random: () => number;
  logger: Logger;
  /** Called when `claimable`, owner, epoch or who may look have changed. */
  onChange: () => void;
  /** Called when what a former owner left is gone. */
  onWiped: () => void;
}

/** Whose the board is, and how it says yes to a new owner; nothing runs yet. */
export function createBinding(wiring: BindingWiring): { keeper: OwnershipKeeper; parts: readonly Part[] } {
  const { config, state, bundle, connection, events, clock, logger } = wiring;
  const keeper = new OwnershipKeeper({
    ...wiring,
    file: new BindingFile({ path: state.binding }),
    onChange: () => {
      wiring.onChange();
      claimLight.show();
    },
    onWiped: ({ epoch }) => {
      wiring.onWiped();
      events.emit('binding', { change: 'wiped', epoch });
    },
  });
  const claimLight = new ClaimLight({
    program: config.claimLightCommand,
    claimable: () => keeper.status().claimable,
    logger,
  });
  const responder = new ChallengeResponder({
    thing: bundle.thing,
    connection,
    clock,
    logger,
    journal: new ProofJournal({ path: state.proofs }),
    ownership: keeper,
    sign: boardSigner(bundle),
    onSigned: (claimId) => events.emit('binding', { change: 'confirmed', claim_id: claimId }),
  });
  const button = new ButtonServer({ directory: state.path, keeper });
  return { keeper, parts: [keeper, claimLight, responder, button] };
}
