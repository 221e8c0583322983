import type { WebSocket } from 'ws';
import type { Clock } from '../../kernel/clock.ts';
import type { Faults } from '../../kernel/faults.ts';
import { clientLimitExceeded } from '../../kinesis-video/errors.ts';
import { Mailbox } from './mailbox.ts';
import { eventFrame, MessageRefusal, type PeerMessage, readMessage, statusFrame } from './message.ts';
import { Peer, type PeerLimits } from './peer.ts';
import { RelayFaults } from './relay-faults.ts';

/** Viewers of a channel at once (WebRTC Developer Guide, "Signaling API service quotas"). */
const maxViewers = 10;
/** The master's name in the mailbox; no viewer's, by its first character. */
const master = '/master';

export interface ChannelRelayOptions {
  channelName: string;
  /** Asked for each message: it may be changed while peers are connected. */
  messageTtlSeconds: () => number;
  limits: PeerLimits;
  clock: Clock;
  faults: Faults;
}

/** One channel's connections: a master, its viewers, and what is said between them. */
export class ChannelRelay {
  readonly #options: ChannelRelayOptions;
  readonly #faults: RelayFaults;
  readonly #mailbox: Mailbox;
  #master: Peer | undefined;
  readonly #viewers = new Map<string, Peer>();

  constructor(options: ChannelRelayOptions) {
    this.#options = options;
    this.#faults = new RelayFaults(options.faults, options.channelName);
    this.#mailbox = new Mailbox(options.clock);
  }

  get peers(): Peer[] {
    return [...(this.#master === undefined ? [] : [this.#master]), ...this.#viewers.values()];
  }

  /** Throws ClientLimitExceededException when there is no room for a viewer of that name. */
  admit(clientId: string | undefined): void {
    if (clientId === undefined || this.#viewers.has(clientId)) return;
    if (this.#viewers.size >= maxViewers) throw clientLimitExceeded(`${maxViewers} viewers a channel`);
  }

  /** The newest connection of a role and name takes the place of the one before. */
  join(socket: WebSocket, clientId: string | undefined): void {
    const { limits, clock } = this.#options;
    const peer: Peer = new Peer({
      socket,
      clientId,
      limits,
      clock,
      onMessage: (text) => this.#onMessage(peer, text),
      onClose: () => this.#leave(peer),
    });
    const earlier = clientId === undefined ? this.#master : this.#viewers.get(clientId);
    if (clientId === undefined) this.#master = peer;
    else this.#viewers.set(clientId, peer);
    earlier?.end('a newer connection took over');
    for (const frame of this.#mailbox.take(clientId ?? master)) peer.send(frame);
    this.#faults.onConnect(peer);
  }

  end(reason: string): void {
    for (const peer of this.peers) peer.end(reason);
  }

  cut(): void {
    for (const peer of this.peers) peer.cut();
  }

  #leave(peer: Peer): void {
    if (this.#master === peer) this.#master = undefined;
    if (peer.clientId !== undefined && this.#viewers.get(peer.clientId) === peer)
      this.#viewers.delete(peer.clientId);
  }

  #onMessage(sender: Peer, text: string): void {
    try {
      const message = readMessage(text);
      if (message === undefined) return;
      this.#checkRate(sender, message);
      this.#forward(sender, message);
    } catch (error) {
      if (!(error instanceof MessageRefusal)) throw error;
      if (error.correlationId !== undefined) sender.send(statusFrame(error));
    }
  }

  #checkRate(sender: Peer, { action, correlationId }: PeerMessage): void {
    if (!this.#options.faults.throttling || sender.admits(action)) return;
    throw new MessageRefusal(correlationId, 'ClientLimitExceededException', `Rate exceeded: ${action}.`);
  }

  #forward(sender: Peer, message: PeerMessage): void {
    const { action, payload, recipientClientId, correlationId } = message;
    const fromMaster = sender.clientId === undefined;
    if (fromMaster && recipientClientId === undefined)
      throw new MessageRefusal(
        correlationId,
        'InvalidArgumentException',
        'A master names the viewer: give recipientClientId.',
      );
    // A viewer speaks to the master, whatever recipient it names.
    const recipient = fromMaster ? recipientClientId : undefined;
    const frames = [eventFrame(action, payload, sender.clientId)];
    const fault = this.#faults.takeMessage();
    if (fault?.kind === 'drop') return;
    if (fault?.kind === 'error')
      throw new MessageRefusal(correlationId, fault.code, fault.message, fault.status);
    // The service does so now and then, without saying why.
    if (fault?.kind === 'custom' && fault.name === 'odd-frames') frames.unshift('', '{}');
    const deliver = (): void => {
      for (const frame of frames)
        this.#deliver(recipient, { action, frame, senderClientId: sender.clientId });
    };
    if (fault?.kind === 'delay') sender.after(fault.ms, deliver);
    else deliver();
  }

  #deliver(
    recipient: string | undefined,
    message: { action: PeerMessage['action']; frame: string; senderClientId: string | undefined },
  ): void {
    const peer = recipient === undefined ? this.#master : this.#viewers.get(recipient);
    if (peer === undefined)
      this.#mailbox.put(recipient ?? master, message, this.#options.messageTtlSeconds());
    else peer.send(message.frame);
  }
}
