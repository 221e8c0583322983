import { createHash, type KeyObject } from 'node:crypto';
import { deviceIdOf, modelOf } from '@aovis/contracts/ids';
import { type Manifest, manifestJwsType, manifestSchema } from '@aovis/contracts/provisioning';
import { compactVerify, decodeProtectedHeader, errors } from 'jose';

/** A refusal of a manifest's text, with the issue for the caller's `details`. */
export class ManifestRefused extends Error {
  override name = 'ManifestRefused';
  readonly code: 'unknown_station' | 'invalid_signature' | 'invalid_manifest';
  readonly issues: readonly string[];

  constructor(code: ManifestRefused['code'], issues: readonly string[], options?: ErrorOptions) {
    super(issues.join('; '), options);
    this.code = code;
    this.issues = issues;
  }
}

export interface VerifiedManifest {
  manifest: Manifest;
  /** Hex SHA-256 of the payload's bytes: tells whether a manifest id was used with the same content. */
  payloadSha256: string;
}

/** As in `manifestSchema`. */
const stationIdPattern = /^[a-z0-9][a-z0-9-]{1,62}$/;

/** The station a manifest says it is of (`kid`); unverified. */
export function stationOf(jws: string): string {
  try {
    const { kid, typ } = decodeProtectedHeader(jws);
    if (typ !== manifestJwsType)
      throw new ManifestRefused('invalid_manifest', [`the header's typ must be ${manifestJwsType}`]);
    if (kid !== undefined && stationIdPattern.test(kid)) return kid;
  } catch (cause) {
    if (cause instanceof ManifestRefused) throw cause;
    throw new ManifestRefused('invalid_manifest', ['this is not a compact JWS (RFC 7515)'], { cause });
  }
  throw new ManifestRefused('unknown_station', ['the header names no station (kid)']);
}

/**
 * Verifies signature and schema of a compact JWS (RFC 7515, EdDSA of RFC 8037) against the station's public key.
 * @throws ManifestRefused
 */
export async function verifyManifest(
  jws: string,
  station: { stationId: string; publicKey: KeyObject },
): Promise<VerifiedManifest> {
  const payload = await verifiedPayload(jws, station.publicKey);
  const manifest = parseManifest(payload);
  if (manifest.station_id !== station.stationId)
    throw new ManifestRefused('invalid_signature', [
      `the manifest is of station ${manifest.station_id}, but ${station.stationId} signed it`,
    ]);
  return { manifest, payloadSha256: createHash('sha256').update(payload).digest('hex') };
}

async function verifiedPayload(jws: string, publicKey: KeyObject): Promise<Uint8Array> {
  try {
    const { payload } = await compactVerify(jws, publicKey, { algorithms: ['EdDSA', 'Ed25519'] });
    return payload;
  } catch (cause) {
    const malformed = cause instanceof errors.JWSInvalid;
    throw malformed
      ? new ManifestRefused('invalid_manifest', ['this is not a compact JWS (RFC 7515)'], { cause })
      : new ManifestRefused('invalid_signature', ["the station's key did not sign this text"], { cause });
  }
}

function parseManifest(payload: Uint8Array): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new ManifestRefused('invalid_manifest', ['the payload is not JSON in UTF-8'], { cause });
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success)
    throw new ManifestRefused(
      'invalid_manifest',
      parsed.error.issues
        .slice(0, 20)
        .map((issue) => `${issue.path.join('.') || 'payload'}: ${issue.message}`),
    );
  const issues = inconsistenciesOf(parsed.data);
  if (issues.length > 0) throw new ManifestRefused('invalid_manifest', issues.slice(0, 20));
  return parsed.data;
}

/** What the schema cannot say: names that belong together, and nothing twice. */
function inconsistenciesOf({ devices }: Manifest): string[] {
  const names = devices.flatMap(({ device_id, serial, model }, i) => [
    ...(device_id === deviceIdOf(serial)
      ? []
      : [`devices.${i}: ${device_id} is not the device id of serial ${serial}`]),
    ...(model === modelOf(device_id) ? [] : [`devices.${i}: model ${model} does not fit ${device_id}`]),
  ]);
  const unique = ['device_id', 'certificate_id', 'iccid'] as const;
  return [
    ...names,
    ...unique.flatMap((field) =>
      repeated(
        devices.map((device) => device[field]),
        field,
      ),
    ),
  ];
}

function repeated(values: readonly (string | undefined)[], field: string): string[] {
  const firstAt = new Map<string, number>();
  return values.flatMap((value, i) => {
    if (value === undefined) return [];
    const first = firstAt.get(value);
    firstAt.set(value, first ?? i);
    return first === undefined ? [] : [`devices.${i}: the same ${field} as devices.${first}`];
  });
}
