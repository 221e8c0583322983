/** `__Host-`: over TLS, from this host alone, for all paths (RFC 6265bis, 4.1.3.2). */
const name = '__Host-aovis_magic_link';

/** Binds a link to the browser that asked for it. */
export function requesterCookie(requestSecret: string, maxAgeSeconds: number): string {
  return `${name}=${requestSecret}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=Lax`;
}

export function readRequesterCookie(header: string | undefined): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}
