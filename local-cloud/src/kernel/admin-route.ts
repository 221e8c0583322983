export interface AdminRequest {
  /** Values of the path template, percent-decoded. */
  params: Record<string, string>;
  query: URLSearchParams;
  /** The parsed JSON body; undefined when there is none. */
  body: unknown;
  /** Aborts when the caller hangs up; absent for a route that is called without a connection. */
  signal?: AbortSignal;
}

/** One route of a local HTTP surface; the services bring theirs for `/_local/*`, the admin server mounts them. */
export interface AdminRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/_local/certificates/{id}/status` */
  path: string;
  /** What it does, for the index page. */
  summary: string;
  /**
   * Answers, or promises, an HttpAnswer or a value that goes out as JSON; undefined is 204. A ZodError is the
   * caller's mistake (400), an AwsError or HttpRefusal carries its status.
   */
  handle(request: AdminRequest): unknown;
}
