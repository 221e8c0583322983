/** What keeps a browser signed in, and how its cookie is written. */
export interface SessionCookie {
  write(token: string, maxAgeSeconds: number): string;
  /** The cookie as it is removed. */
  clear(): string;
  read(header: string | undefined): string | undefined;
}

/**
 * `__Host-`: over TLS, from this host alone, for all paths (RFC 6265bis, 4.1.3.2). A laptop's plain http can have no
 * such cookie; there it goes without prefix and `Secure`.
 */
export function sessionCookie(publicUrl: string): SessionCookie {
  const isSecure = new URL(publicUrl).protocol === 'https:';
  const name = isSecure ? '__Host-aovis_session' : 'aovis_session';
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  return {
    write: (token, maxAgeSeconds) => `${name}=${token}; Max-Age=${maxAgeSeconds}; ${attributes}`,
    clear: () => `${name}=; Max-Age=0; ${attributes}`,
    read: (header) => {
      const pairs = (header ?? '').split(';').map((pair) => pair.trim());
      // A second cookie of the name was put there by somebody else: then neither counts.
      const values = pairs
        .filter((pair) => pair.startsWith(`${name}=`))
        .map((pair) => pair.slice(name.length + 1));
      return values.length === 1 && /^[\w-]{43}$/.test(values[0] ?? '') ? values[0] : undefined;
    },
  };
}
