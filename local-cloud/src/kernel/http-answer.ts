/** An answer of a local route with a status or headers of its own. */
export class HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;

  constructor(status: number, headers: Readonly<Record<string, string>> = {}, body: string | Buffer = '') {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  static json(value: unknown, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
    return new HttpAnswer(200, { 'content-type': 'application/json', ...headers }, JSON.stringify(value));
  }

  /** `policy` is a Content-Security-Policy; the default allows a page its own styles and nothing else. */
  static html(
    page: string,
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'",
  ): HttpAnswer {
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy };
    return new HttpAnswer(200, headers, page);
  }
}

/** A refusal of a local route, in words for the person who called. */
export class HttpRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
