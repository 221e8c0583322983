import type { IceCandidate, Peer, PeerLibrary, PeerOptions } from '../peer/peer-library.ts';

/** A peer that does nothing on its own; the test plays the viewer at its other end. */
export class FakePeer implements Peer {
  readonly options: PeerOptions;
  readonly candidates: IceCandidate[] = [];
  readonly packets: Buffer[] = [];
  closed = false;
  relayed = false;
  /** Refuses the offer. */
  refuses = false;

  constructor(options: PeerOptions) {
    this.options = options;
  }

  answer(): Promise<string> {
    if (this.refuses) return Promise.reject(new Error('an offer that cannot be answered'));
    // As real ones do: candidates are found before the answer is out.
    this.options.events.onCandidate({ candidate: 'candidate:board', sdpMid: '1' });
    return Promise.resolve('v=0 answer');
  }

  addCandidate(candidate: IceCandidate): void {
    this.candidates.push(candidate);
  }

  sendRtp(packet: Buffer): void {
    this.packets.push(packet);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

export class FakePeerLibrary implements PeerLibrary {
  readonly name = 'fake';
  readonly peers: FakePeer[] = [];
  refuses = false;
  stopped = false;

  open(options: PeerOptions): Peer {
    const peer = new FakePeer(options);
    peer.refuses = this.refuses;
    this.peers.push(peer);
    return peer;
  }

  stop(): void {
    this.stopped = true;
  }
}
