import { z } from 'zod';
import type { AwsOperation, AwsRequest } from '../kernel/aws-server.ts';
import { epochSeconds, parseInput } from '../kinesis-video/api.ts';
import { invalidArgument } from '../kinesis-video/errors.ts';
import { type ChannelAccess, channelArnSchema, channelNameSchema } from './channel-access.ts';
import { channelInUse, tagLimitExceeded, versionMismatch } from './errors.ts';
import type { ChannelQuotas } from './quotas.ts';
import type { ChannelRecord, Channels } from './state.ts';

const maxTags = 50;
const defaultTtlSeconds = 60;

const versionSchema = z.string().min(1).max(64);
const singleMasterSchema = z.object({ MessageTtlSeconds: z.int().min(5).max(120).optional() });
const inputs = {
  create: z.object({
    ChannelName: channelNameSchema,
    ChannelType: z.literal('SINGLE_MASTER').default('SINGLE_MASTER'),
    SingleMasterConfiguration: singleMasterSchema.optional(),
    Tags: z
      .array(z.object({ Key: z.string().min(1).max(128), Value: z.string().max(256) }))
      .default([])
      .transform((tags) => Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]))),
  }),
  describe: z.object({ ChannelName: channelNameSchema.optional(), ChannelARN: channelArnSchema.optional() }),
  list: z.object({
    MaxResults: z.int().min(1).max(10_000).default(500),
    NextToken: z.string().max(512).optional(),
    ChannelNameCondition: z
      .object({
        ComparisonOperator: z.literal('BEGINS_WITH').optional(),
        ComparisonValue: channelNameSchema.optional(),
      })
      .optional(),
  }),
  update: z.object({
    ChannelARN: channelArnSchema,
    CurrentVersion: versionSchema,
    SingleMasterConfiguration: singleMasterSchema.optional(),
  }),
  delete: z.object({ ChannelARN: channelArnSchema, CurrentVersion: versionSchema.optional() }),
  endpoint: z.object({
    ChannelARN: channelArnSchema,
    SingleMasterChannelEndpointConfiguration: z
      .object({
        Protocols: z
          .array(z.enum(['WSS', 'HTTPS', 'WEBRTC']))
          .min(1)
          .max(5)
          .default(['WSS', 'HTTPS']),
        Role: z.enum(['MASTER', 'VIEWER']).default('MASTER'),
      })
      .default({ Protocols: ['WSS', 'HTTPS'], Role: 'MASTER' }),
  }),
};

export interface ChannelControlContext {
  channels: Channels;
  access: ChannelAccess;
  quotas: ChannelQuotas;
  accountId: string;
  /** Where the channels' data plane listens, `127.0.0.1:port`. */
  host: () => string;
  /** Ends what still uses the channel. */
  channelDeleted: (channel: ChannelRecord) => void;
}

/** The channels' control plane, on the endpoint of Kinesis Video Streams (its API Reference, "Actions"). */
export function channelControlOperations(context: ChannelControlContext): AwsOperation[] {
  const { channels, access, quotas, accountId, host } = context;
  const post = (name: string, handle: (request: AwsRequest) => object): AwsOperation => ({
    name,
    method: 'POST',
    path: `/${name.charAt(0).toLowerCase()}${name.slice(1)}`,
    handle: (request) => ({ json: handle(request) }),
  });
  const current = (channel: ChannelRecord, version: string | undefined): void => {
    if (version !== undefined && version !== channel.version) throw versionMismatch(version);
  };

  return [
    post('CreateSignalingChannel', (request) => {
      const input = parseInput(inputs.create, request.json());
      const name = input.ChannelName;
      access.authorize(request.principal, 'CreateSignalingChannel', channels.arnOf(name, 0));
      if (channels.find(name) !== undefined) throw channelInUse(name, accountId);
      if (Object.keys(input.Tags).length > maxTags) throw tagLimitExceeded();
      const messageTtlSeconds = input.SingleMasterConfiguration?.MessageTtlSeconds ?? defaultTtlSeconds;
      return { ChannelARN: channels.create({ name, messageTtlSeconds, tags: input.Tags }).arn };
    }),
    post('DescribeSignalingChannel', (request) => {
      const input = parseInput(inputs.describe, request.json());
      const channel = access.get(request.principal, 'DescribeSignalingChannel', input);
      quotas.take('DescribeSignalingChannel', channel.name);
      return { ChannelInfo: describe(channel) };
    }),
    post('ListSignalingChannels', (request) => {
      const input = parseInput(inputs.list, request.json());
      access.authorize(request.principal, 'ListSignalingChannels', '*');
      const prefix = input.ChannelNameCondition?.ComparisonValue ?? '';
      const after =
        input.NextToken === undefined ? '' : Buffer.from(input.NextToken, 'base64url').toString('utf8');
      const rest = channels.list().filter(({ name }) => name.startsWith(prefix) && name > after);
      const page = rest.slice(0, input.MaxResults);
      const last = page.at(-1);
      return {
        ChannelInfoList: page.map(describe),
        ...(rest.length > page.length && last !== undefined
          ? { NextToken: Buffer.from(last.name).toString('base64url') }
          : {}),
      };
    }),
    post('UpdateSignalingChannel', (request) => {
      const input = parseInput(inputs.update, request.json());
      const channel = access.get(request.principal, 'UpdateSignalingChannel', {
        ChannelARN: input.ChannelARN,
      });
      quotas.take('UpdateSignalingChannel', channel.name);
      current(channel, input.CurrentVersion);
      const messageTtlSeconds = input.SingleMasterConfiguration?.MessageTtlSeconds;
      if (messageTtlSeconds === undefined)
        throw invalidArgument('SingleMasterConfiguration.MessageTtlSeconds is what can be updated: give it.');
      channels.update(channel, { messageTtlSeconds });
      return {};
    }),
    post('DeleteSignalingChannel', (request) => {
      const input = parseInput(inputs.delete, request.json());
      const channel = access.get(request.principal, 'DeleteSignalingChannel', {
        ChannelARN: input.ChannelARN,
      });
      quotas.take('DeleteSignalingChannel', channel.name);
      current(channel, input.CurrentVersion);
      channels.delete(channel);
      context.channelDeleted(channel);
      return {};
    }),
    post('GetSignalingChannelEndpoint', (request) => {
      const input = parseInput(inputs.endpoint, request.json());
      access.get(request.principal, 'GetSignalingChannelEndpoint', { ChannelARN: input.ChannelARN });
      const { Protocols } = input.SingleMasterChannelEndpointConfiguration;
      if (Protocols.includes('WEBRTC'))
        throw invalidArgument('WEBRTC needs a channel with media storage, which this one does not have.');
      return {
        ResourceEndpointList: [...new Set(Protocols)].map((Protocol) => ({
          Protocol,
          ResourceEndpoint: `${Protocol === 'WSS' ? 'ws' : 'http'}://${host()}`,
        })),
      };
    }),
  ];
}

function describe(channel: ChannelRecord): object {
  return {
    ChannelName: channel.name,
    ChannelARN: channel.arn,
    ChannelType: 'SINGLE_MASTER',
    ChannelStatus: 'ACTIVE',
    CreationTime: epochSeconds(channel.createdMs),
    SingleMasterConfiguration: { MessageTtlSeconds: channel.messageTtlSeconds },
    Version: channel.version,
  };
}
