import { type LiveInvitation, type LiveRefusal, maxLiveViewers } from '@aovis/contracts/live-view';
import type { AccessUnit } from '../camera/access-unit.ts';
import type { AccessUnitListener } from '../camera/camera.ts';
import type { Actions } from '../commands/command-action.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { Part, PartHealth } from '../part.ts';
import { ControlChannel } from './control-channel.ts';
import { EarlyCandidates } from './early-candidates.ts';
import { GopCache } from './gop-cache.ts';
import type { IceCandidate, PeerLibrary } from './peer/peer-library.ts';
import { narrowOffer } from './sdp/narrow-offer.ts';
import { refusingAnswer } from './sdp/refusing-answer.ts';
import { chooseH264, readOffer, type SessionOffer } from './sdp/session-offer.ts';
import type { SignalingMessage } from './signaling/message.ts';
import type { Signaling } from './signaling/signaling.ts';
import { Viewer } from './viewer.ts';

/** What delivers pictures; `Camera` does. */
export interface LivePictures {
  /** Makes the camera run. */
  subscribe(listener: AccessUnitListener): () => void;
  /** Sees what comes while it runs for others. */
  observe(listener: AccessUnitListener): () => void;
  requestKeyframe(): boolean;
}

export interface LiveViewOptions {
  camera: LivePictures;
  signaling: Pick<Signaling, 'start' | 'stop' | 'send' | 'forget' | 'iceServers' | 'problem'>;
  /** Called for the first viewer. */
  loadLibrary: () => Promise<PeerLibrary>;
  actions: Actions;
  /** The invitation of a client id; undefined when it counts no longer. */
  invitationOf: (clientId: string) => LiveInvitation | undefined;
  clock: Clock;
  logger: Logger;
  randomBelow: (bound: number) => number;
  /** The one address to send from; default all of the machine's. */
  bindAddress?: string | undefined;
}

/**
 * A name instead of an address, which only the viewer's own network resolves (draft-ietf-mmusic-mdns-ice-candidates). Not worth
 * a socket on port 5353: from there the viewer reaches the board's addresses, and so becomes known to it.
 */
function isMulticastName({ candidate }: IceCandidate): boolean {
  return candidate.split(' ')[4]?.endsWith('.local') === true;
}

/** One encoder for all: a keyframe that one viewer asked for serves the others too. */
const keyframeEveryMs = 1_000;

/** Shows the camera's pictures to viewers as they are captured: the WebRTC master of the board's signaling channel. */
export class LiveView implements Part {
  readonly name = 'live view';
  readonly #options: LiveViewOptions;
  readonly #gop: GopCache;
  readonly #early = new EarlyCandidates();
  /** By client id; undefined while the offer is being answered. */
  readonly #viewers = new Map<string, { viewer: Viewer | undefined; leave: AbortController }>();
  readonly #underWay = new Set<Promise<void>>();
  #library: Promise<PeerLibrary> | undefined;
  #started = false;
  #unobserve: (() => void) | undefined;
  #unsubscribe: (() => void) | undefined;
  #keyframeAt = Number.NEGATIVE_INFINITY;

  constructor(options: LiveViewOptions) {
    this.#options = options;
    this.#gop = new GopCache(options.clock);
  }

  start(signal: AbortSignal): Promise<void> {
    if (this.#started || signal.aborted) return Promise.resolve();
    this.#started = true;
    const { camera, signaling } = this.#options;
    this.#unobserve = camera.observe((picture) => this.#onPicture(picture));
    signaling.start();
    return Promise.resolve();
  }

  /** Says good-bye to all viewers. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#unobserve?.();
    await this.#options.signaling.stop();
    for (const clientId of this.#viewers.keys()) this.#remove(clientId);
    await Promise.all(this.#underWay);
    const library = await this.#library?.catch(() => undefined);
    this.#library = undefined;
    library?.stop();
  }

  health(): PartHealth {
    const { problem } = this.#options.signaling;
    if (!this.#started) return { ok: true, detail: 'The live view is off.' };
    return problem === undefined
      ? { ok: true, detail: `${this.#viewers.size} of ${maxLiveViewers} viewers.` }
      : { ok: false, detail: problem };
  }

  /** A viewer's word, as it comes from the signaling channel. */
  onMessage(message: Extract<SignalingMessage, { clientId: string }>): void {
    if (!this.#started) return;
    const { clientId } = message;
    if (message.type === 'candidate') {
      if (isMulticastName(message.candidate)) return;
      const viewer = this.#viewers.get(clientId)?.viewer;
      if (viewer === undefined) this.#early.add(clientId, message.candidate);
      else viewer.addCandidate(message.candidate);
      return;
    }
    const work = this.#take(clientId, message.sdp);
    this.#watch(work);
  }

  /** Who is seen through a relay asks for a new invitation, which names relays that stay; the others notice nothing. */
  onIceServersChanged(): void {
    for (const [clientId, { viewer }] of this.#viewers)
      if (viewer?.relayed === true) this.#remove(clientId, 'its relay is going away');
  }

  /** A share or a plan ended, or the board changed hands: whose invitation is over may not look on. */
  reviewViewers(): void {
    for (const clientId of this.#viewers.keys())
      if (this.#options.invitationOf(clientId) === undefined)
        this.#remove(clientId, 'its invitation is over');
  }

  async #take(clientId: string, sdp: string): Promise<void> {
    const offer = readOffer(sdp);
    if (offer === undefined)
      return this.#options.logger.warn('An offer that is no session description was ignored.');
    const invitation = this.#options.invitationOf(clientId);
    if (invitation === undefined)
      return this.#refuse(clientId, offer, {
        code: 'invitation_over',
        message: 'This invitation to the live view is over: ask for a new one.',
      });
    const camera = this.#gop.pictures[0]?.parameterSets.sps[0]?.toString('hex', 1, 3);
    const format = chooseH264(offer, camera);
    if (format === undefined)
      return this.#refuse(clientId, offer, {
        code: 'no_h264',
        message:
          'This camera sends H.264 (packetization mode 1), which this viewer cannot receive: use another browser.',
      });
    // The same viewer once more: it takes its own place.
    this.#remove(clientId, 'it offers anew');
    if (this.#viewers.size >= maxLiveViewers)
      return this.#refuse(clientId, offer, {
        code: 'too_many_viewers',
        message: `${maxLiveViewers} viewers watch this camera already: try again when one of them has left.`,
      });
    const leave = new AbortController();
    const place = { viewer: undefined as Viewer | undefined, leave };
    this.#viewers.set(clientId, place);
    this.#unsubscribe ??= this.#options.camera.subscribe(() => {});
    try {
      const viewer = await this.#open(
        { clientId, invitation },
        narrowOffer(offer, format),
        format,
        leave.signal,
      );
      if (leave.signal.aborted) return await viewer.close();
      place.viewer = viewer;
      const answer = await viewer.answer();
      if (leave.signal.aborted) return;
      this.#options.signaling.send({
        action: 'SDP_ANSWER',
        clientId,
        payload: { type: 'answer', sdp: answer },
      });
      viewer.answered();
      for (const candidate of this.#early.take(clientId)) viewer.addCandidate(candidate);
    } catch (error) {
      this.#options.logger.warn({ err: error, clientId }, 'An offer could not be answered.');
      if (this.#viewers.get(clientId) === place) this.#remove(clientId);
      this.#refuse(clientId, offer, {
        code: 'not_possible',
        message: 'The camera cannot answer this offer: reload the page, or use another browser.',
      });
    }
  }

  async #open(
    { clientId, invitation }: { clientId: string; invitation: LiveInvitation },
    offer: string,
    format: NonNullable<ReturnType<typeof chooseH264>>,
    signal: AbortSignal,
  ): Promise<Viewer> {
    const { signaling, loadLibrary, clock, logger, randomBelow, bindAddress } = this.#options;
    this.#library ??= loadLibrary().catch((error: unknown) => {
      this.#library = undefined;
      throw error;
    });
    const [library, iceServers] = await Promise.all([this.#library, signaling.iceServers(signal)]);
    const control = new ControlChannel({
      actions: this.#options.actions,
      mayCommand: invitation.role === 'owner',
      signal,
      logger,
    });
    return new Viewer({
      clientId,
      seconds: invitation.seconds,
      library,
      offer,
      format,
      iceServers,
      bindAddress,
      gop: this.#gop,
      clock,
      randomBelow,
      requestKeyframe: () => this.#requestKeyframe(),
      onCandidate: (candidate) => signaling.send({ action: 'ICE_CANDIDATE', clientId, payload: candidate }),
      onMessage: (text, reply) => control.onMessage(text, reply),
      onConnected: () => logger.info({ clientId, viewers: this.#viewers.size }, 'A viewer watches.'),
      onGone: (why) => this.#remove(clientId, why),
    });
  }

  #onPicture(picture: AccessUnit): void {
    this.#gop.push(picture);
    for (const { viewer } of this.#viewers.values()) viewer?.push(picture);
  }

  #requestKeyframe(): boolean {
    const { clock, camera } = this.#options;
    const now = clock.monotonic();
    if (now - this.#keyframeAt < keyframeEveryMs) return true;
    if (!camera.requestKeyframe()) return false;
    this.#keyframeAt = now;
    return true;
  }

  #refuse(clientId: string, offer: SessionOffer, refused: LiveRefusal): void {
    const { logger, signaling } = this.#options;
    logger.info({ clientId, code: refused.code }, 'A viewer was refused.');
    this.#early.take(clientId);
    signaling.send({
      action: 'SDP_ANSWER',
      clientId,
      payload: { type: 'answer', sdp: refusingAnswer(offer), refused },
    });
  }

  #remove(clientId: string, why?: string): void {
    const place = this.#viewers.get(clientId);
    if (place === undefined) return;
    this.#viewers.delete(clientId);
    place.leave.abort();
    const { signaling, logger } = this.#options;
    signaling.forget(clientId);
    if (why !== undefined) logger.info({ clientId, why, viewers: this.#viewers.size }, 'A viewer is gone.');
    if (place.viewer !== undefined) this.#watch(place.viewer.close());
    if (this.#viewers.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #watch(work: Promise<void>): void {
    const watched = work
      .catch((error: unknown) =>
        this.#options.logger.error({ err: error }, 'The live view failed at a viewer.'),
      )
      .finally(() => this.#underWay.delete(watched));
    this.#underWay.add(watched);
  }
}
