import { z } from 'zod';
import type { Authorizer, Principal } from '../kernel/principal.ts';
import { invalidArgument } from '../kinesis-video/errors.ts';
import { channelNotFound } from './errors.ts';
import type { ChannelRecord, Channels } from './state.ts';

export const channelNameSchema = z.string().regex(/^[a-zA-Z0-9_.-]{1,256}$/);
export const channelArnSchema = z.string().min(1).max(1024);
/** Of a viewer. The prefix is the service's own. */
export const clientIdSchema = z.string().regex(/^(?!aws_)[a-z0-9_.-]{1,256}$/i);

export interface ChannelRef {
  ChannelName?: string | undefined;
  ChannelARN?: string | undefined;
}

/** Finds channels for callers that may use them. */
export class ChannelAccess {
  readonly #channels: Channels;
  readonly #authorizer: Authorizer;
  readonly #accountId: string;

  constructor(channels: Channels, authorizer: Authorizer, accountId: string) {
    this.#channels = channels;
    this.#authorizer = authorizer;
    this.#accountId = accountId;
  }

  /**
   * The channel that the input names, once the principal may do `action` on it. A caller without the right is refused
   * whether or not the channel exists.
   */
  get(principal: Principal, action: string, ref: ChannelRef): ChannelRecord {
    const name = nameOf(ref);
    const channel = this.#channels.find(name);
    this.authorize(principal, action, channel?.arn ?? this.#channels.arnOf(name, 0));
    const other = ref.ChannelARN !== undefined && ref.ChannelARN !== channel?.arn;
    if (channel === undefined || other) throw channelNotFound(name, this.#accountId);
    return channel;
  }

  authorize(principal: Principal, action: string, resourceArn: string): void {
    this.#authorizer.authorize(principal, `kinesisvideo:${action}`, resourceArn);
  }
}

const arnPattern = /^arn:[a-z0-9-]+:kinesisvideo:[a-z0-9-]+:[0-9]+:channel\/([a-zA-Z0-9_.-]{1,256})\/[0-9]+$/;

function nameOf({ ChannelName, ChannelARN }: ChannelRef): string {
  if (ChannelARN === undefined) {
    if (ChannelName === undefined) throw invalidArgument('Give ChannelName or ChannelARN.');
    return ChannelName;
  }
  const name = arnPattern.exec(ChannelARN)?.[1];
  if (name === undefined) throw invalidArgument(`${ChannelARN} is not the ARN of a signaling channel.`);
  if (ChannelName !== undefined && ChannelName !== name)
    throw invalidArgument('ChannelName and ChannelARN name different channels. Give one of them.');
  return name;
}
