/** `host` or `host:port` (checked by the bundle's schema) in its two parts. */
export function parseHostPort(text: string, defaultPort: number): { host: string; port: number } {
  const [host = '', port] = text.split(':');
  return { host, port: port === undefined ? defaultPort : Number(port) };
}
