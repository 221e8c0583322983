import { z } from 'zod';
import type { AwsOperation, AwsRequest } from '../kernel/aws-server.ts';
import { epochSeconds, parseInput, type StreamAccess, streamNameSchema, streamRef } from './api.ts';
import { invalidArgument, resourceInUse, tagLimitExceeded, versionMismatch } from './errors.ts';
import type { Quotas } from './quotas.ts';
import type { State, StreamRecord } from './state.ts';

const maxRetentionHours = 87_600;
const maxTags = 50;

const tagsSchema = z.record(z.string().min(1).max(128), z.string().max(256));
const deviceNameSchema = z.string().regex(/^[a-zA-Z0-9_.-]{1,128}$/);
const mediaTypeSchema = z
  .string()
  .regex(/^[\w\-.+]+\/[\w\-.+]+(,[\w\-.+]+\/[\w\-.+]+)*$/)
  .max(128);

const inputs = {
  createStream: z.object({
    StreamName: streamNameSchema,
    DeviceName: deviceNameSchema.optional(),
    MediaType: mediaTypeSchema.optional(),
    KmsKeyId: z.string().min(1).max(2048).optional(),
    DataRetentionInHours: z.int().min(0).max(maxRetentionHours).default(0),
    Tags: tagsSchema.default({}),
  }),
  ref: z.object(streamRef),
  updateStream: z.object({
    ...streamRef,
    CurrentVersion: z.string().min(1).max(64),
    DeviceName: deviceNameSchema.optional(),
    MediaType: mediaTypeSchema.optional(),
  }),
  updateDataRetention: z.object({
    ...streamRef,
    CurrentVersion: z.string().min(1).max(64),
    Operation: z.enum(['INCREASE_DATA_RETENTION', 'DECREASE_DATA_RETENTION']),
    DataRetentionChangeInHours: z.int().min(1).max(maxRetentionHours),
  }),
  deleteStream: z.object({
    StreamARN: z.string().min(1).max(1024),
    CurrentVersion: z.string().min(1).max(64).optional(),
  }),
  listStreams: z.object({
    MaxResults: z.int().min(1).max(10_000).default(10_000),
    NextToken: z.string().max(512).optional(),
    StreamNameCondition: z
      .object({
        ComparisonOperator: z.literal('BEGINS_WITH').optional(),
        ComparisonValue: streamNameSchema.optional(),
      })
      .optional(),
  }),
  tagStream: z.object({ ...streamRef, Tags: tagsSchema }),
  untagStream: z.object({ ...streamRef, TagKeyList: z.array(z.string().min(1).max(128)).min(1).max(50) }),
  getDataEndpoint: z.object({
    ...streamRef,
    APIName: z.enum([
      'PUT_MEDIA',
      'GET_MEDIA',
      'LIST_FRAGMENTS',
      'GET_MEDIA_FOR_FRAGMENT_LIST',
      'GET_HLS_STREAMING_SESSION_URL',
      'GET_DASH_STREAMING_SESSION_URL',
      'GET_CLIP',
      'GET_IMAGES',
    ]),
  }),
};

export interface ControlContext {
  state: State;
  access: StreamAccess;
  quotas: Quotas;
  accountId: string;
  /** The service's own address, which is also its data endpoint for callers that came there. */
  endpoint: () => string;
  /** Ends what still uses the stream. */
  streamDeleted: (stream: StreamRecord) => void;
}

/** The control plane (Kinesis Video Streams API Reference, "Actions", Amazon Kinesis Video Streams). */
export function controlOperations(context: ControlContext): AwsOperation[] {
  const { state, access, quotas, accountId } = context;
  const post = (name: string, handle: (request: AwsRequest) => object | Promise<object>): AwsOperation => ({
    name,
    method: 'POST',
    path: `/${name.charAt(0).toLowerCase()}${name.slice(1)}`,
    handle: async (request) => ({ json: await handle(request) }),
  });
  const current = (stream: StreamRecord, version: string | undefined): void => {
    if (version !== undefined && version !== stream.version) throw versionMismatch(version);
  };

  return [
    post('CreateStream', (request) => {
      const input = parseInput(inputs.createStream, request.json());
      access.authorize(request.principal, 'CreateStream', access.arnOf(input.StreamName, 0));
      if (state.find(input.StreamName) !== undefined) throw resourceInUse(input.StreamName, accountId);
      if (Object.keys(input.Tags).length > maxTags) throw tagLimitExceeded();
      const stream = state.create({
        name: input.StreamName,
        retentionHours: input.DataRetentionInHours,
        kmsKeyId: input.KmsKeyId ?? 'aws/kinesisvideo',
        tags: input.Tags,
        ...(input.DeviceName === undefined ? {} : { deviceName: input.DeviceName }),
        ...(input.MediaType === undefined ? {} : { mediaType: input.MediaType }),
      });
      return { StreamARN: stream.arn };
    }),
    post('DescribeStream', (request) => {
      const stream = access.get(request.principal, 'DescribeStream', parseInput(inputs.ref, request.json()));
      return { StreamInfo: describe(stream) };
    }),
    post('UpdateStream', (request) => {
      const input = parseInput(inputs.updateStream, request.json());
      const stream = access.get(request.principal, 'UpdateStream', input);
      current(stream, input.CurrentVersion);
      state.update(stream, {
        ...(input.DeviceName === undefined ? {} : { deviceName: input.DeviceName }),
        ...(input.MediaType === undefined ? {} : { mediaType: input.MediaType }),
      });
      return {};
    }),
    post('UpdateDataRetention', (request) => {
      const input = parseInput(inputs.updateDataRetention, request.json());
      const stream = access.get(request.principal, 'UpdateDataRetention', input);
      current(stream, input.CurrentVersion);
      const sign = input.Operation === 'INCREASE_DATA_RETENTION' ? 1 : -1;
      const retentionHours = stream.retentionHours + sign * input.DataRetentionChangeInHours;
      if (retentionHours < 0 || retentionHours > maxRetentionHours)
        throw invalidArgument(
          `The retention would be ${retentionHours} hours; it must be within 0 to ${maxRetentionHours}.`,
        );
      state.update(stream, { retentionHours });
      return {};
    }),
    post('DeleteStream', async (request) => {
      const input = parseInput(inputs.deleteStream, request.json());
      const stream = access.get(request.principal, 'DeleteStream', { StreamARN: input.StreamARN });
      current(stream, input.CurrentVersion);
      const deleted = state.delete(stream);
      context.streamDeleted(stream);
      await deleted;
      return {};
    }),
    post('ListStreams', (request) => {
      const input = parseInput(inputs.listStreams, request.json());
      access.authorize(request.principal, 'ListStreams', '*');
      const prefix = input.StreamNameCondition?.ComparisonValue ?? '';
      const after =
        input.NextToken === undefined ? '' : Buffer.from(input.NextToken, 'base64url').toString('utf8');
      const rest = state.streams().filter(({ name }) => name.startsWith(prefix) && name > after);
      const page = rest.slice(0, input.MaxResults);
      const last = page.at(-1);
      return {
        StreamInfoList: page.map(describe),
        ...(rest.length > page.length && last !== undefined
          ? { NextToken: Buffer.from(last.name).toString('base64url') }
          : {}),
      };
    }),
    post('TagStream', (request) => {
      const input = parseInput(inputs.tagStream, request.json());
      const stream = access.get(request.principal, 'TagStream', input);
      const tags = { ...stream.tags, ...input.Tags };
      if (Object.keys(tags).length > maxTags) throw tagLimitExceeded();
      state.tag(stream, tags);
      return {};
    }),
    post('UntagStream', (request) => {
      const input = parseInput(inputs.untagStream, request.json());
      const stream = access.get(request.principal, 'UntagStream', input);
      const gone = new Set(input.TagKeyList);
      state.tag(stream, Object.fromEntries(Object.entries(stream.tags).filter(([key]) => !gone.has(key))));
      return {};
    }),
    post('ListTagsForStream', (request) => {
      const stream = access.get(
        request.principal,
        'ListTagsForStream',
        parseInput(inputs.ref, request.json()),
      );
      return { Tags: stream.tags };
    }),
    post('GetDataEndpoint', (request) => {
      const input = parseInput(inputs.getDataEndpoint, request.json());
      const stream = access.get(request.principal, 'GetDataEndpoint', input);
      quotas.take('GetDataEndpoint', stream.name);
      return { DataEndpoint: dataEndpoint(request, context.endpoint()) };
    }),
  ];
}

/** Where the caller came: who reaches the service by a relay, or by a published port, goes on reaching it there. */
function dataEndpoint({ headers: { host } }: AwsRequest, endpoint: string): string {
  return host === undefined ? endpoint : `http://${host}`;
}

function describe(stream: StreamRecord): object {
  return {
    StreamName: stream.name,
    StreamARN: stream.arn,
    Version: stream.version,
    Status: 'ACTIVE',
    CreationTime: epochSeconds(stream.createdMs),
    DataRetentionInHours: stream.retentionHours,
    KmsKeyId: stream.kmsKeyId,
    DeviceName: stream.deviceName ?? null,
    MediaType: stream.mediaType ?? null,
  };
}
