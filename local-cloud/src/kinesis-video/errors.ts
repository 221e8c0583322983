import { AwsError } from '../kernel/aws-error.ts';

/** The service's refusals with their codes and statuses (Kinesis Video Streams API Reference, "Errors"). */
export const invalidArgument = (message: string): AwsError =>
  new AwsError('InvalidArgumentException', 400, message);

export const invalidArn = (arn: string): AwsError => invalidArgument(`${arn} is not the ARN of a stream.`);

export const invalidResourceFormat = (arn: string): AwsError =>
  new AwsError('InvalidResourceFormatException', 400, `The format of the stream ARN ${arn} is invalid.`);

export const streamNotFound = (name: string, accountId: string): AwsError =>
  new AwsError(
    'ResourceNotFoundException',
    404,
    `The requested stream is not found or not active. Stream ${name} under account ${accountId}.`,
  );

export const notFound = (message: string): AwsError =>
  new AwsError('ResourceNotFoundException', 404, message);

export const resourceInUse = (name: string, accountId: string): AwsError =>
  new AwsError(
    'ResourceInUseException',
    400,
    `The stream ${name} already exists under account ${accountId}.`,
  );

export const versionMismatch = (given: string): AwsError =>
  new AwsError(
    'VersionMismatchException',
    400,
    `The version ${given} is not the stream's current one. Read it with DescribeStream.`,
  );

export const noDataRetention = (): AwsError =>
  new AwsError(
    'NoDataRetentionException',
    400,
    'The stream retains no data. Raise DataRetentionInHours with UpdateDataRetention.',
  );

export const clientLimitExceeded = (what: string): AwsError =>
  new AwsError('ClientLimitExceededException', 400, `Rate exceeded: ${what}. Try again later.`);

export const connectionLimitExceeded = (what: string): AwsError =>
  new AwsError('ConnectionLimitExceededException', 400, `The connection limit is exceeded: ${what}.`);

export const tagLimitExceeded = (): AwsError =>
  new AwsError('TagsPerResourceExceededLimitException', 400, 'A stream may have at most 50 tags.');

export const sessionExpired = (): AwsError =>
  new AwsError('NotAuthorizedException', 403, 'Streaming session token is expired');
