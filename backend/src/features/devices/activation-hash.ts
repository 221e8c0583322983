import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { activationCodeDigest, readActivationCode } from '@aovis/contracts/activation-code';

/** Server-side keys of the activation hashes, by id. Rows under an older id keep working and move to `currentId`. */
export interface Peppers {
  currentId: string;
  keys: ReadonlyMap<string, Buffer>;
}

/**
 * Reads `id:<base64url or hex key>` pairs separated by commas; the first is the current one. A key has at least 32
 * bytes: it stands in for the password hash that an 80-bit code would ask for (NIST SP 800-63B, look-up secrets).
 * @throws Error whose message continues the name of the setting and never shows a key
 */
export function parsePeppers(text: string): Peppers {
  const keys = new Map<string, Buffer>();
  for (const pair of text.split(',').map((part) => part.trim())) {
    const [, id, encoded] = /^([a-z0-9-]{1,16}):([A-Za-z0-9_=-]+)$/.exec(pair) ?? [];
    if (id === undefined || encoded === undefined)
      throw new Error(
        'must be pairs id:key separated by commas, id of a-z, 0-9 and "-", key in hex or base64url',
      );
    if (keys.has(id)) throw new Error(`names the pepper ${id} twice`);
    const key = Buffer.from(encoded, /^([0-9a-f]{2})+$/i.test(encoded) ? 'hex' : 'base64url');
    if (key.length < 32) throw new Error(`holds a pepper ${id} of ${key.length} bytes; it needs at least 32`);
    keys.set(id, key);
  }
  const [currentId] = keys.keys();
  if (currentId === undefined) throw new Error('must hold at least one pepper');
  return { currentId, keys };
}

/** `hmac-sha256$<pepper id>$<hex>` of a station's digest (`activationCodeDigest`), under the current pepper. */
export function hashActivationDigest(digest: string, peppers: Peppers): string {
  return `hmac-sha256$${peppers.currentId}$${hmacOf(digest, keyOf(peppers.currentId, peppers)).toString('hex')}`;
}

/** Whether a stored hash is that of this station digest; an imported `sha256$…` hash is of no digest. */
export function matchesActivationDigest(digest: string, storedHash: string, peppers: Peppers): boolean {
  const stored = parseStored(storedHash, peppers);
  return stored.kind === 'hmac' && timingSafeEqual(hmacOf(digest, stored.key), stored.hash);
}

export interface ActivationAttempt {
  serial: string;
  /** As the user typed it. */
  typedCode: string;
  /** The stored hash; undefined when there is no such device or no code for it yet. */
  storedHash: string | undefined;
}

/** `upgradedHash` is set when the row is right but of an older kind: store it instead. */
export type ActivationCheck = { matches: false } | { matches: true; upgradedHash: string | undefined };

/**
 * Compares a typed code with a stored hash. Works equally long for an unknown device: every call hashes both
 * spellings and compares both in constant time.
 * Stored kinds: `hmac-sha256$<pepper id>$<hex>` of the station's digest, and `sha256$<hex>` of the bare code in
 * capitals, as imported from before stations had digests.
 * @throws Error when the row names a pepper that is not configured: removing one locks its labels out.
 */
export function checkActivationCode(attempt: ActivationAttempt, peppers: Peppers): ActivationCheck {
  const stored = parseStored(attempt.storedHash, peppers);
  const spellings = spellingsOf(attempt.typedCode);
  const rights = spellings.map((spelling) => {
    const digest = activationCodeDigest(attempt.serial, spelling);
    const plain = createHash('sha256').update(spelling, 'utf8').digest();
    const keyed = hmacOf(digest, stored.key);
    return { digest, right: timingSafeEqual(stored.kind === 'sha256' ? plain : keyed, stored.hash) };
  });
  const match = rights.find(({ right }) => right);
  if (match === undefined || stored.kind === 'none') return { matches: false };
  const current = stored.kind === 'hmac' && stored.pepperId === peppers.currentId;
  return { matches: true, upgradedHash: current ? undefined : hashActivationDigest(match.digest, peppers) };
}

/**
 * Two spellings, always: what the label scheme reads (O as 0, I and L as 1) and the bare capitals. Codes from before
 * the scheme use all of A–Z and 0–9, where O and 0 differ.
 */
function spellingsOf(typed: string): [string, string] {
  const bare = typed.toUpperCase().replace(/[\s-]/g, '');
  const reading = readActivationCode(typed);
  return [reading.ok ? reading.code : bare, bare];
}

type Stored =
  | { kind: 'hmac'; pepperId: string; key: Buffer; hash: Buffer }
  | { kind: 'sha256' | 'none'; key: Buffer; hash: Buffer };

function parseStored(text: string | undefined, peppers: Peppers): Stored {
  const key = keyOf(peppers.currentId, peppers);
  if (text === undefined) return { kind: 'none', key, hash: Buffer.alloc(32) };
  const [, pepperId, keyed] = /^hmac-sha256\$([a-z0-9-]{1,16})\$([0-9a-f]{64})$/.exec(text) ?? [];
  if (pepperId !== undefined && keyed !== undefined)
    return { kind: 'hmac', pepperId, key: keyOf(pepperId, peppers), hash: Buffer.from(keyed, 'hex') };
  const [, plain] = /^sha256\$([0-9a-f]{64})$/.exec(text) ?? [];
  if (plain !== undefined) return { kind: 'sha256', key, hash: Buffer.from(plain, 'hex') };
  throw new Error('an activation hash in the database is of no known kind');
}

function keyOf(id: string, { keys }: Peppers): Buffer {
  const key = keys.get(id);
  if (key === undefined)
    throw new Error(
      `an activation hash names the pepper ${id}, which AOVIS_ACTIVATION_PEPPERS does not hold`,
    );
  return key;
}

function hmacOf(digest: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(digest, 'utf8').digest();
}
