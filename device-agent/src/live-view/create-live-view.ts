import { randomInt, randomUUID } from 'node:crypto';
import type { Actions } from '../commands/command-action.ts';
import type { CredentialSource } from '../credentials/credential-source.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import { type LivePictures, LiveView, type LiveViewOptions } from './live-view.ts';
import { loadPeerLibrary } from './peer/choose-library.ts';
import type { PeerLibraryName } from './peer/peer-library-name.ts';
import { ChannelClient, regionalStunServer } from './signaling/channel-client.ts';
import { Signaling } from './signaling/signaling.ts';

export interface LiveViewWiring {
  camera: LivePictures;
  actions: Actions;
  invitationOf: LiveViewOptions['invitationOf'];
  credentials: CredentialSource;
  channelName: string;
  region: string;
  /** Control plane of Kinesis Video Streams. */
  endpoint: URL;
  /** Of another operator's service, which has no STUN servers of AWS's; absent for AWS itself. PEM. */
  ca?: string;
  userAgent: string;
  library: PeerLibraryName;
  /** The one address to send from; default all of the machine's. */
  bindAddress?: string | undefined;
  clock: Clock;
  logger: Logger;
  random: () => number;
}

/** The live view with its way to the signaling service; nothing runs yet. */
export function createLiveView(wiring: LiveViewWiring): LiveView {
  const { camera, actions, invitationOf, library, bindAddress, clock, logger, ...service } = wiring;
  const { region, ca } = service;
  const common = { ...service, clock, logger };
  const channel = new ChannelClient({
    ...common,
    stunServers: ca === undefined ? [regionalStunServer(region)] : [],
  });
  const liveView: LiveView = new LiveView({
    camera,
    actions,
    invitationOf,
    clock,
    logger,
    bindAddress,
    signaling: new Signaling({
      ...common,
      channel,
      newCorrelationId: randomUUID,
      onMessage: (message) => liveView.onMessage(message),
      onIceServersChanged: () => liveView.onIceServersChanged(),
    }),
    loadLibrary: () => loadPeerLibrary(library, logger),
    randomBelow: (bound) => randomInt(bound),
  });
  return liveView;
}
