import { createHash } from 'node:crypto';
import { deviceIdOf } from '@aovis/contracts/ids';
import {
  type Manifest,
  type ManifestDevice,
  manifestJwsType,
  manifestSchema,
} from '@aovis/contracts/provisioning';
import { CompactSign } from 'jose';
import { ulid } from 'ulid';
import type { BoardIssued } from '../journal/records.ts';
import type { Station } from './station-key.ts';

/** So many boards keep a request below the backend's 256 kB. */
export const boardsPerManifest = 200;

/**
 * A ULID made from what the manifest says instead of from chance: the batch's start and a hash of its boards. The
 * same boards of the same batch therefore have the same id, whoever computes it and however often.
 */
export function manifestIdOf(batchId: string, startedAtMs: number, boards: readonly BoardIssued[]): string {
  const hash = createHash('sha256').update(`aovis-manifest-id-v1\0${batchId}\0`);
  for (const board of boards)
    hash.update(`${board.serial}\0${board.certificate_id}\0${board.activation_code_digest ?? board.code}\0`);
  const digest = hash.digest();
  let symbol = 0;
  // One byte of the hash for each of the 16 random symbols, of which ulid takes floor(32 · p).
  return ulid(startedAtMs, () => ((digest[symbol++] as number) & 31) / 32);
}

export function manifestDeviceOf(board: BoardIssued): ManifestDevice {
  return {
    device_id: deviceIdOf(board.serial),
    serial: board.serial,
    model: board.model,
    certificate_id: board.certificate_id,
    ...(board.activation_code_digest === undefined
      ? { activation_code: board.code }
      : { activation_code_digest: board.activation_code_digest }),
    code_epoch: board.code_epoch,
    ...(board.iccid ? { iccid: board.iccid } : {}),
  };
}

/** Compact JWS (RFC 7515), EdDSA (RFC 8037). Ed25519 has no randomness: the same manifest gives the same text. */
export async function signManifest(manifest: Manifest, station: Station): Promise<string> {
  const payload = JSON.stringify(manifestSchema.parse(manifest));
  return await new CompactSign(Buffer.from(payload, 'utf8'))
    .setProtectedHeader({ alg: 'EdDSA', typ: manifestJwsType, kid: station.stationId })
    .sign(station.key);
}
