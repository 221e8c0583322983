import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { PKCS11 } from 'pkcs11js';
import { bitString, bytesOf, fromDer, nullValue, oid, sequence, toDer } from '../ca/asn1.ts';
import { kindOfKey, type Signer } from '../ca/signer.ts';
import { Refusal } from '../refusal.ts';
import { checkedSigner } from './checked-signer.ts';
import type { KeyLocation } from './key-location.ts';
import { findObject, loadPkcs11, openModule, type Pkcs11Library, tokenRefusal } from './pkcs11-module.ts';
import { ecdsaSignatureOf, pkcs1DigestInfo, unsignedInteger } from './signature-forms.ts';

type TokenKey = KeyLocation & { kind: 'pkcs11' };

/**
 * Signs with a key on a token (PKCS#11 v2.40: CKM_ECDSA, CKM_RSA_PKCS), which every token has: hashes and padding
 * headers are made here. The session stays open and logged in until `close`.
 * @throws Refusal when the token, the PIN or the key is not right
 */
export async function openPkcs11Signer(key: TokenKey, pin: string): Promise<Signer> {
  const library = await loadPkcs11();
  const { module, closeModule } = openModule(library, key.module);
  let session: Buffer | undefined;
  const close = () => {
    if (session) module.C_CloseSession(session);
    session = undefined;
    closeModule();
  };
  try {
    const opened = openSession(module, library, key);
    session = opened;
    logIn(module, library, opened, pin);
    const privateKey = findKey(module, library, opened, key, 'private');
    const publicKey = readPublicKey(module, library, opened, key);
    const sign = signerOf(module, library, { session: opened, privateKey, publicKey, key });
    return checkedSigner({ name: nameOf(key), publicKey, sign, close: once(close) });
  } catch (error) {
    close();
    throw tokenRefusal(key.token, error);
  }
}

const nameOf = ({ token, object }: TokenKey): string => `The key ${object} on the token ${token}`;

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}

function openSession(module: PKCS11, library: Pkcs11Library, { token, module: path }: TokenKey): Buffer {
  const slots = module
    .C_GetSlotList(true)
    .filter((slot) => module.C_GetTokenInfo(slot).label.trimEnd() === token);
  const [slot] = slots;
  if (slot === undefined || slots.length > 1)
    throw new Refusal(
      'ca',
      `${slots.length > 1 ? 'More than one token is' : 'No token is'} labelled ${token} (library ${path}); check the label in the URI.`,
    );
  return module.C_OpenSession(slot, library.CKF_SERIAL_SESSION);
}

function logIn(module: PKCS11, library: Pkcs11Library, session: Buffer, pin: string): void {
  try {
    module.C_Login(session, library.CKU_USER, pin);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('CKR_USER_ALREADY_LOGGED_IN'))) throw error;
  }
}

function findKey(
  module: PKCS11,
  library: Pkcs11Library,
  session: Buffer,
  { object, token }: TokenKey,
  half: 'private' | 'public',
): Buffer {
  const template = [
    { type: library.CKA_CLASS, value: half === 'private' ? library.CKO_PRIVATE_KEY : library.CKO_PUBLIC_KEY },
    { type: library.CKA_LABEL, value: object },
  ];
  return findObject(module, session, template, { what: `${half} key ${object}`, token });
}

/** SubjectPublicKeyInfo from the token's public object (RFC 5480, RFC 3279). */
function readPublicKey(module: PKCS11, library: Pkcs11Library, session: Buffer, key: TokenKey): KeyObject {
  const object = findKey(module, library, session, key, 'public');
  const read = (...types: number[]): Buffer[] =>
    module
      .C_GetAttributeValue(
        session,
        object,
        types.map((type) => ({ type })),
      )
      .map(({ value }) => Buffer.from(value as Buffer));
  const [kind = Buffer.alloc(0)] = read(library.CKA_KEY_TYPE);
  const keyType = kind.readUInt8(0);
  if (keyType === library.CKK_EC) {
    const [parameters, point] = read(library.CKA_EC_PARAMS, library.CKA_EC_POINT);
    if (!parameters || !point) throw new Refusal('ca', `${nameOf(key)} does not tell its public half.`);
    const algorithm = sequence(oid('1.2.840.10045.2.1'), fromDer(parameters));
    return publicKeyFrom(sequence(algorithm, bitString(pointOf(point))));
  }
  if (keyType === library.CKK_RSA) {
    const [modulus, exponent] = read(library.CKA_MODULUS, library.CKA_PUBLIC_EXPONENT);
    if (!modulus || !exponent) throw new Refusal('ca', `${nameOf(key)} does not tell its public half.`);
    const rsa = sequence(unsignedInteger(modulus), unsignedInteger(exponent));
    return publicKeyFrom(sequence(sequence(oid('1.2.840.113549.1.1.1'), nullValue), bitString(toDer(rsa))));
  }
  throw new Refusal('ca', `${nameOf(key)} is neither EC P-256 nor RSA; take another key.`);
}

/** CKA_EC_POINT is an OCTET STRING around the point; some tokens give the bare point (0x04 ‖ x ‖ y). */
function pointOf(value: Buffer): Buffer {
  if (value.length === 65 && value[0] === 0x04) return value;
  return bytesOf(fromDer(value)) ?? value;
}

function publicKeyFrom(spki: Parameters<typeof toDer>[0]): KeyObject {
  return createPublicKey({ key: toDer(spki), type: 'spki', format: 'der' });
}

function signerOf(
  module: PKCS11,
  library: Pkcs11Library,
  parts: { session: Buffer; privateKey: Buffer; publicKey: KeyObject; key: TokenKey },
): (message: Buffer) => Promise<Buffer> {
  const { session, privateKey, publicKey, key } = parts;
  const elliptic = kindOfKey(publicKey) === 'ec-p256';
  const mechanism = { mechanism: elliptic ? library.CKM_ECDSA : library.CKM_RSA_PKCS };
  // A session does one thing at a time.
  let last: Promise<unknown> = Promise.resolve();
  const signNow = async (digest: Buffer): Promise<Buffer> => {
    try {
      module.C_SignInit(session, mechanism, privateKey);
      const input = elliptic ? digest : pkcs1DigestInfo(digest);
      const answer = await module.C_SignAsync(session, input, Buffer.alloc(1024));
      return elliptic ? ecdsaSignatureOf(answer) : answer;
    } catch (error) {
      throw tokenRefusal(key.token, error);
    }
  };
  return (message) => {
    const digest = createHash('sha256').update(message).digest();
    const signed = last.then(() => signNow(digest));
    last = signed.catch(() => undefined);
    return signed;
  };
}
