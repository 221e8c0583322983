import { createHash, type KeyObject } from 'node:crypto';
import { deviceIdOf, modelOf } from '@aovis/contracts/ids';
import { type Manifest, manifestSchema } from '@aovis/contracts/provisioning';
import { parsePayload, SignedTextRefused, verifiedPayload } from './station-jws.ts';

export interface VerifiedManifest {
  manifest: Manifest;
  /** Hex SHA-256 of the payload's bytes: tells whether a manifest id was used with the same content. */
  payloadSha256: string;
}

/**
 * Verifies signature and schema of a compact JWS (RFC 7515, EdDSA of RFC 8037) against the station's public key.
 * @throws SignedTextRefused
 */
export async function verifyManifest(
  jws: string,
  station: { stationId: string; publicKey: KeyObject },
): Promise<VerifiedManifest> {
  const payload = await verifiedPayload(jws, station.publicKey, 'invalid_manifest');
  const manifest = parseManifest(payload);
  if (manifest.station_id !== station.stationId)
    throw new SignedTextRefused('invalid_signature', [
      `the manifest is of station ${manifest.station_id}, but ${station.stationId} signed it`,
    ]);
  return { manifest, payloadSha256: createHash('sha256').update(payload).digest('hex') };
}

function parseManifest(payload: Uint8Array): Manifest {
  const manifest = parsePayload(payload, manifestSchema, 'invalid_manifest');
  const issues = inconsistenciesOf(manifest);
  if (issues.length > 0) throw new SignedTextRefused('invalid_manifest', issues.slice(0, 20));
  return manifest;
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
