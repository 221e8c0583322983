import { readEmail } from '../kernel/email.ts';

/** Each parser throws an Error whose message continues «VARIABLE …»: what is wrong and what to write. Never the value of a secret. */

export function text(value: string): string {
  return value;
}

/** A JSON object, or anything else as the text it is. */
export function jsonOrText(value: string): string | Record<string, string> {
  if (!value.startsWith('{')) return value;
  try {
    const parsed = JSON.parse(value) as Record<string, unknown>;
    if (Object.values(parsed).every((field) => typeof field === 'string'))
      return parsed as Record<string, string>;
  } catch {
    // Said below.
  }
  throw new Error(
    'must be a JSON object of texts, e.g. {"code":"200"}, or a text without { at its beginning',
  );
}

export function oneOf<Choice extends string>(...choices: Choice[]): (value: string) => Choice {
  return (value) => {
    const choice = choices.find((known) => known === value);
    if (choice === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
    return choice;
  };
}

export function wholeNumber({ min, max }: { min: number; max: number }): (value: string) => number {
  return (value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) throw new Error(`must be a whole number from ${min} to ${max}`);
    return number;
  };
}

export function list(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export function url(...protocols: string[]): (value: string) => string {
  return (value) => {
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (parsed === undefined || !protocols.includes(parsed.protocol.slice(0, -1)))
      throw new Error(
        `must be an address beginning with ${protocols.map((name) => `${name}://`).join(' or ')}`,
      );
    return value;
  };
}

/** An origin: scheme, host and port, without a path. */
export function origin(value: string): string {
  const checked = new URL(url('https', 'http')(value));
  if (checked.pathname !== '/' || checked.search !== '' || checked.hash !== '' || checked.username !== '')
    throw new Error('must be scheme, host and port only, e.g. https://api.example.com');
  return checked.origin;
}

export function origins(value: string): string[] {
  return list(value).map((item) => origin(item));
}

/** What Express calls `trust proxy`: false, a number of hops, or the proxies' addresses; never everybody. */
export function trustProxy(value: string): false | number | string[] {
  if (value === '' || value === '0') return false;
  if (/^\d{1,2}$/.test(value)) return Number(value);
  const addresses = list(value);
  const known = /^(loopback|linklocal|uniquelocal|[0-9a-fA-F.:]+(\/\d{1,3})?)$/;
  if (addresses.length > 0 && addresses.every((address) => known.test(address) && !/\/0+$/.test(address)))
    return addresses;
  throw new Error(
    'must be the number of proxies in front (0 for none), or their addresses as CIDR separated by commas; trusting everybody would let callers forge their address',
  );
}

const leastSecretCharacters = 32;
const leastDifferentCharacters = 10;

/** A key that nobody guesses. */
export function strongSecret(value: string): string {
  if (value.length < leastSecretCharacters || new Set(value).size < leastDifferentCharacters)
    throw new Error(
      `is too weak: it needs at least ${leastSecretCharacters} random characters; make one with: openssl rand -base64 48`,
    );
  if (/change-?me|password|example|default|insecure/i.test(value))
    throw new Error('looks like a placeholder; make a random one with: openssl rand -base64 48');
  return value;
}

/** The current one first, older ones after commas until nobody uses them any more. */
export function strongSecrets(value: string): readonly [string, ...string[]] {
  const [current = '', ...older] = value.split(',').map((secret) => strongSecret(secret.trim()));
  return [current, ...older];
}

/** An address with or without a name before it (RFC 5322, 3.4): `AOVIS <no-reply@aovis.app>`. */
export function sender(value: string): string {
  const [, address = value] = /^[^<>]*<([^<>]*)>$/.exec(value) ?? [];
  if (readEmail(address) === undefined)
    throw new Error('must be an e-mail address, or a name and one: AOVIS <no-reply@aovis.app>');
  return value;
}

/** A region of AWS by its code (AWS Account Management, "Regions"). */
export function awsRegion(value: string): string {
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(value)) throw new Error('must be the code of a region, e.g. us-east-1');
  return value;
}

/** ISO 3166-1 alpha-2 codes, at least one. */
export function countries(value: string): string[] {
  const codes = list(value);
  if (codes.length > 0 && codes.every((code) => /^[A-Z]{2}$/.test(code))) return codes;
  throw new Error('must name at least one country by its two-letter code, e.g. US,CA');
}

/** A secret or restricted API key of Stripe (docs.stripe.com/keys). */
export function stripeKey(value: string): string {
  if (!/^(sk|rk)_(test|live)_\w{8,}$/.test(value))
    throw new Error('is no secret key of Stripe; it begins with sk_test_, sk_live_, rk_test_ or rk_live_');
  return value;
}

/** The signing secret of a webhook endpoint at Stripe. */
export function stripeWebhookSecret(value: string): string {
  if (!/^whsec_\S{16,}$/.test(value))
    throw new Error('is no signing secret of Stripe; it begins with whsec_ and stands beside the endpoint');
  return value;
}

/** A database that anybody could open is refused. */
export function databaseUrl(value: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url('postgres', 'postgresql')(value));
  } catch {
    throw new Error('must be an address like postgres://user:password@host:5432/database');
  }
  const password = decodeURIComponent(parsed.password);
  if (parsed.pathname.length < 2) throw new Error('names no database: end it in /<database>');
  if (
    /^(postgres|password|admin|root|aovis|secret|123456.*)?$/i.test(password) ||
    password === parsed.username
  )
    throw new Error(
      'has no password, or one that everybody tries first; give the database user a random one',
    );
  return value;
}
