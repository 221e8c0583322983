import { AwsError } from '../kernel/aws-error.ts';

/** Refusals of their own (Kinesis Video Streams API Reference; WebRTC Developer Guide, "WebSocket endpoint APIs"). */
export const channelNotFound = (name: string, accountId: string): AwsError =>
  new AwsError(
    'ResourceNotFoundException',
    404,
    `The requested channel is not found or not active. Channel ${name} under account ${accountId}.`,
  );

export const channelInUse = (name: string, accountId: string): AwsError =>
  new AwsError(
    'ResourceInUseException',
    400,
    `The channel ${name} already exists under account ${accountId}.`,
  );

export const versionMismatch = (given: string): AwsError =>
  new AwsError(
    'VersionMismatchException',
    400,
    `The version ${given} is not the channel's current one. Read it with DescribeSignalingChannel.`,
  );

export const tagLimitExceeded = (): AwsError =>
  new AwsError('TagsPerResourceExceededLimitException', 400, 'A channel may have at most 50 tags.');
