import 'reflect-metadata';
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** What a board asks for: a certificate of this key. Nothing else of its request is taken over. */
export interface CertificateAsk {
  /** DER of the SubjectPublicKeyInfo. */
  spki: Buffer;
  publicKeySha256: string;
  /** Common name of the request's subject, if it has one. */
  commonName: string | undefined;
}

/** Why a request is not signed, as the end of a sentence that begins with its file. */
export class CsrRefused extends Error {
  override name = 'CsrRefused';
}

const pemPattern =
  /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----/;

/**
 * Reads and verifies a PKCS#10 request (RFC 2986), PEM or DER: its signature proves that the asking board holds the
 * private key. Keys are EC P-256, or RSA of 2048 to 4096 bits.
 * @throws CsrRefused
 */
export async function readCertificateRequest(content: Buffer): Promise<CertificateAsk> {
  const request = parse(content);
  const spki = Buffer.from(request.publicKey.rawData);
  const key = publicKeyOf(spki);
  const weakness = weaknessOf(key);
  if (weakness !== undefined) throw new CsrRefused(weakness);
  const hash = hashOf(request);
  if (hash === 'SHA-1' || hash === undefined)
    throw new CsrRefused('is signed with SHA-1 or a hash that is not known; sign it with SHA-256');
  if (!(await verifies(request)))
    throw new CsrRefused(
      'has a signature that its own key does not confirm: whoever sent it does not hold the key, or it was changed',
    );
  return {
    spki,
    publicKeySha256: createHash('sha256').update(spki).digest('hex'),
    commonName: request.subjectName.getField('CN')[0],
  };
}

function parse(content: Buffer): x509.Pkcs10CertificateRequest {
  const pem = pemPattern.exec(content.toString('latin1'))?.[1];
  const der = pem === undefined ? content : Buffer.from(pem, 'base64');
  try {
    return new x509.Pkcs10CertificateRequest(new Uint8Array(der));
  } catch (error) {
    throw new CsrRefused('is no certificate request (PKCS#10 in PEM or DER)', { cause: error });
  }
}

function publicKeyOf(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, type: 'spki', format: 'der' });
  } catch (error) {
    throw new CsrRefused('has a public key that cannot be read', { cause: error });
  }
}

/** What AWS IoT would refuse, or nobody should trust; undefined for a good key. */
function weaknessOf(key: KeyObject): string | undefined {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec')
    return namedCurve === 'prime256v1' ? undefined : `has a key on the curve ${namedCurve}; take P-256`;
  if (key.asymmetricKeyType !== 'rsa')
    return `has a key of kind ${key.asymmetricKeyType}; take EC P-256 or RSA-2048`;
  if (modulusLength < 2048 || modulusLength > 4096)
    return `has an RSA key of ${modulusLength} bits; take 2048 to 4096`;
  // FIPS 186-5 §5.1: odd, above 2^16.
  return publicExponent > 65_536n && publicExponent % 2n === 1n
    ? undefined
    : `has an RSA key with the public exponent ${publicExponent}; take 65537`;
}

function hashOf({ signatureAlgorithm }: x509.Pkcs10CertificateRequest): string | undefined {
  const { hash } = signatureAlgorithm as { hash?: { name?: string } };
  return hash?.name;
}

async function verifies(request: x509.Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch {
    // Of no form that a signature has.
    return false;
  }
}
