import { stationRequestLifeSeconds } from '@aovis/contracts/station-request';
import type { z } from 'zod';
import type { SigningStation } from './station-gate.ts';
import { parsePayload, SignedTextRefused, verifiedPayload } from './station-jws.ts';

/**
 * Verifies signature, schema, station and age of a station's request.
 * @throws SignedTextRefused
 */
export async function verifyStationRequest<T extends { station_id: string; issued_at: string }>(
  jws: string,
  station: SigningStation,
  schema: z.ZodType<T>,
  now: Date,
): Promise<T> {
  const payload = await verifiedPayload(jws, station.publicKey, 'invalid_station_request');
  const request = parsePayload(payload, schema, 'invalid_station_request');
  if (request.station_id !== station.stationId)
    throw new SignedTextRefused('invalid_signature', [
      `the request is of station ${request.station_id}, but ${station.stationId} signed it`,
    ]);
  const ageSeconds = (now.getTime() - Date.parse(request.issued_at)) / 1_000;
  if (Math.abs(ageSeconds) > stationRequestLifeSeconds)
    throw new SignedTextRefused('invalid_signature', [
      `the request is of ${request.issued_at}, here it is ${now.toISOString()}; set the clock of the station`,
    ]);
  return request;
}
