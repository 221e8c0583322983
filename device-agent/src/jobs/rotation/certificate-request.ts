import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';

/** A new P-256 key, PKCS#8 PEM: what AWS IoT takes, and small enough for any board. */
export function newPrivateKey(): string {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
}

/** 1.2.840.10045.4.3.2, ecdsa-with-SHA256 (RFC 5758 §3.2): without parameters. */
const ecdsaWithSha256 = Buffer.from('06082a8648ce3d040302', 'hex');
/** 2.5.4.3, commonName (X.520). */
const commonNameType = Buffer.from('0603550403', 'hex');

/** A PKCS #10 request (RFC 2986 §4) in DER, for a P-256 key; the subject is its common name alone. */
export function certificateRequest(privateKeyPem: string, commonName: string): Buffer {
  const publicKey = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' });
  const name = der(0x30, der(0x31, der(0x30, commonNameType, der(0x0c, Buffer.from(commonName, 'utf8')))));
  const version = der(0x02, Buffer.of(0));
  const noAttributes = der(0xa0);
  const info = der(0x30, version, name, publicKey, noAttributes);
  const signature = sign('sha256', info, privateKeyPem);
  return der(0x30, info, der(0x30, ecdsaWithSha256), der(0x03, Buffer.of(0), signature));
}

/** One element by its tag (X.690 §8.1, §10.1). */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(content.length);
  const octets = size.subarray(size.findIndex((octet) => octet !== 0));
  return Buffer.concat([Buffer.of(tag, 0x80 | octets.length), octets, content]);
}
