import type { KeyObject } from 'node:crypto';
import { compactVerify, decodeProtectedHeader, errors } from 'jose';
import type { z } from 'zod';

type MalformedCode = 'invalid_manifest' | 'invalid_station_request';

/** A refusal of what a station signed, with the issues for the caller's `details`. */
export class SignedTextRefused extends Error {
  override name = 'SignedTextRefused';
  readonly code: 'unknown_station' | 'invalid_signature' | MalformedCode;
  readonly issues: readonly string[];

  constructor(code: SignedTextRefused['code'], issues: readonly string[], options?: ErrorOptions) {
    super(issues.join('; '), options);
    this.code = code;
    this.issues = issues;
  }
}

/** As in the contract's `stationIdSchema`. */
const stationIdPattern = /^[a-z0-9][a-z0-9-]{1,62}$/;

/** The station a text says it is of (`kid`); unverified. */
export function stationOf(jws: string, type: string, malformed: MalformedCode): string {
  try {
    const { kid, typ } = decodeProtectedHeader(jws);
    if (typ !== type) throw new SignedTextRefused(malformed, [`the header's typ must be ${type}`]);
    if (kid !== undefined && stationIdPattern.test(kid)) return kid;
  } catch (cause) {
    if (cause instanceof SignedTextRefused) throw cause;
    throw new SignedTextRefused(malformed, ['this is not a compact JWS (RFC 7515)'], { cause });
  }
  throw new SignedTextRefused('unknown_station', ['the header names no station (kid)']);
}

/** The payload of a compact JWS (RFC 7515, EdDSA of RFC 8037) that the station's key signed. @throws SignedTextRefused */
export async function verifiedPayload(
  jws: string,
  publicKey: KeyObject,
  malformed: MalformedCode,
): Promise<Uint8Array> {
  try {
    const { payload } = await compactVerify(jws, publicKey, { algorithms: ['EdDSA', 'Ed25519'] });
    return payload;
  } catch (cause) {
    throw cause instanceof errors.JWSInvalid
      ? new SignedTextRefused(malformed, ['this is not a compact JWS (RFC 7515)'], { cause })
      : new SignedTextRefused('invalid_signature', ["the station's key did not sign this text"], { cause });
  }
}

/** @throws SignedTextRefused with up to 20 issues */
export function parsePayload<T extends z.ZodType>(
  payload: Uint8Array,
  schema: T,
  malformed: MalformedCode,
): z.output<T> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new SignedTextRefused(malformed, ['the payload is not JSON in UTF-8'], { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new SignedTextRefused(
    malformed,
    parsed.error.issues.slice(0, 20).map((issue) => `${issue.path.join('.') || 'payload'}: ${issue.message}`),
  );
}
