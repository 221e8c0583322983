import { AwsError } from '../kernel/aws-error.ts';

/** Refusals of the model runtime (Amazon Bedrock API Reference, Converse, "Errors"). */
export const validation = (message: string): AwsError => new AwsError('ValidationException', 400, message);
