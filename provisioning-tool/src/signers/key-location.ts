import { Refusal } from '../refusal.ts';

/** Where the issuing key lives when it is not the encrypted file beside the certificate. */
export type KeyLocation =
  | { kind: 'kms'; uri: string; keyArn: string; region: string }
  | { kind: 'pkcs11'; uri: string; module: string; token: string; object: string };

/**
 * Reads a key's URI: the ARN of an AWS KMS key or alias, or a PKCS#11 URI (RFC 7512) with `token` and `object` in its
 * path and `module-path` in its query. A PIN in it (`pin-value`, `pin-source`) is refused: it would be kept in clear.
 * @throws Refusal
 */
export function parseKeyUri(text: string): KeyLocation {
  const uri = text.trim();
  const arn = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(?:key|alias)\/[A-Za-z0-9/_-]+$/.exec(uri);
  if (arn) return { kind: 'kms', uri, keyArn: uri, region: arn[1] as string };
  if (uri.startsWith('pkcs11:')) return parsePkcs11Uri(uri);
  throw new Refusal(
    'usage',
    `«${uri}» names no key: give the ARN of an AWS KMS key (arn:aws:kms:<region>:<account>:key/<id>) or a PKCS#11 URI ` +
      '(pkcs11:token=<label>;object=<label>?module-path=<library>).',
  );
}

function parsePkcs11Uri(uri: string): KeyLocation {
  const [path = '', query = ''] = uri.slice('pkcs11:'.length).split('?', 2);
  const attributes = new Map([...path.split(';'), ...query.split('&')].filter(Boolean).map(attributeOf));
  if (attributes.has('pin-value') || attributes.has('pin-source'))
    throw new Refusal(
      'usage',
      'A PKCS#11 URI with a PIN is not taken, it would be kept in clear; leave the PIN out, it is asked for.',
    );
  const needed = (name: string): string => {
    const value = attributes.get(name);
    if (value) return value;
    throw new Refusal(
      'usage',
      `The PKCS#11 URI lacks ${name}; give pkcs11:token=<label>;object=<label>?module-path=<library>.`,
    );
  };
  return {
    kind: 'pkcs11',
    uri,
    token: needed('token'),
    object: needed('object'),
    module: needed('module-path'),
  };
}

function attributeOf(text: string): [string, string] {
  const at = text.indexOf('=');
  try {
    return [text.slice(0, at), decodeURIComponent(text.slice(at + 1))];
  } catch (error) {
    throw new Refusal('usage', `The PKCS#11 URI has a wrong %-escape in «${text}»; correct it.`, {
      cause: error,
    });
  }
}
