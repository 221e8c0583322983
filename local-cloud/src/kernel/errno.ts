/** Whether this is an operating system's or Node's error of that code (`ENOENT`, `EADDRINUSE`). */
export function hasCode(error: unknown, code: string): error is NodeJS.ErrnoException & { port?: number } {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
