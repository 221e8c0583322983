/** An answer in AWS's error shape: status, `x-amzn-ErrorType` and a JSON body with the message. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  /** Further members of the body, `resourceArn` of a ResourceAlreadyExistsException, say. */
  readonly members: Record<string, unknown>;

  constructor(code: string, status: number, message: string, members: Record<string, unknown> = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.members = members;
  }
}
