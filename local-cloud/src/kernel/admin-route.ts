/** One route of the admin surface `/_local/*`; services bring their own, the admin server mounts them. */
export interface AdminRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/_local/certificates/{id}/revoke` */
  path: string;
  /** What it does, for the index page. */
  summary: string;
  /** Answers (or promises) what goes out as JSON; a string goes out as an HTML page. */
  handle(request: { params: Record<string, string>; query: URLSearchParams; body: unknown }): unknown;
}
