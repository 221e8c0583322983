/**
 * A refused shadow request: the code and message that go out in the `rejected` message and, over HTTPS, as status
 * (AWS IoT Developer Guide, "Device Shadow error messages").
 */
export class ShadowError extends Error {
  readonly code: ShadowErrorCode;
  /** Echoed when the request was readable enough to carry one. */
  readonly clientToken: string | undefined;

  constructor(code: ShadowErrorCode, message: string, clientToken?: string) {
    super(message);
    this.code = code;
    this.clientToken = clientToken;
  }
}

export type ShadowErrorCode = 400 | 404 | 409 | 413 | 415 | 429;
