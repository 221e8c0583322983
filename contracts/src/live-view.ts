import * as z from 'zod';
import { type CommandType, commandAckSchema } from './commands.ts';
import type { Capability } from './http/devices.ts';

/** What the owner's plan must allow for a picture, live ones too. */
export const liveCapability = 'cloud_playback' satisfies Capability;

/** Viewers of one board at once; the signaling service allows as many connections to a channel. */
export const maxLiveViewers = 10;

/** Who a viewer is to the board: its owner, or somebody whom the owner shows it. */
export const liveRoles = ['owner', 'viewer'] as const;
export type LiveRole = (typeof liveRoles)[number];

/** Without a new invitation nobody watches longer. */
export const maxLiveSeconds = 3_600;

/** What the backend says of a viewer: to whom, of which ownership, when and for how long it has shown the camera. */
export interface LiveInvitation {
  role: LiveRole;
  /** Of the ownership in which it was given; with that it ends. */
  epoch: number;
  /** By the backend's clock, epoch ms. */
  issuedAt: number;
  /** How long it may be watched by it, at most `maxLiveSeconds`. */
  seconds: number;
}

const clientIdForm = /^(owner|viewer)-(\d{1,9})-(\d{1,15})-(\d{1,4})-[\w.-]+$/;

/**
 * The client id of a viewer on the signaling channel. The backend signs it into the address of the channel, and the
 * service names it as the sender, so the board may trust what it says.
 */
export function liveClientIdOf({ role, epoch, issuedAt, seconds }: LiveInvitation, unique: string): string {
  return `${role}-${epoch}-${issuedAt}-${seconds}-${unique}`;
}

/** The invitation that a client id states; undefined for whom the backend has not invited. */
export function readLiveClientId(clientId: string): LiveInvitation | undefined {
  const [, role, epoch, issuedAt, seconds] = clientIdForm.exec(clientId) ?? [];
  if (role !== 'owner' && role !== 'viewer') return undefined;
  return { role, epoch: Number(epoch), issuedAt: Number(issuedAt), seconds: Number(seconds) };
}

/** Commands that are taken on a viewer's data channel; the others go through the backend, which keeps them. */
export const liveCommandTypes = [
  'ptz',
  'request_keyframe',
  'identify',
] as const satisfies readonly CommandType[];

/** Viewer → board, as text on a data channel of any name. An id that comes again is answered again, not done again. */
export const liveCommandSchema = z.strictObject({
  id: z.string().regex(/^[\w-]{1,64}$/),
  type: z.string().min(1).max(64),
  params: z.record(z.string().max(64), z.json()).default({}),
});
export type LiveCommand = z.input<typeof liveCommandSchema>;

/** Board → viewer, on the same channel: `accepted`, perhaps `running`, then the end. */
export const liveReplySchema = commandAckSchema.extend({ id: liveCommandSchema.shape.id });
export type LiveReply = z.infer<typeof liveReplySchema>;

/** Why a board takes no further viewer. */
export const liveRefusalCodes = ['too_many_viewers', 'no_h264', 'not_possible', 'invitation_over'] as const;

/**
 * Stands beside `type` and `sdp` in an answer that takes nothing (every section with port 0, RFC 3264, section 6):
 * `message` is for people.
 */
export const liveRefusalSchema = z.strictObject({
  code: z.enum(liveRefusalCodes),
  message: z.string(),
});
export type LiveRefusal = z.infer<typeof liveRefusalSchema>;
