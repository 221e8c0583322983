import * as z from 'zod';

/**
 * Names of a board. Device id, MQTT client id and IoT thing name are one and the same string, so that one IoT
 * policy with `${iot:Connection.Thing.ThingName}` and one IAM policy with `${credentials-iot:ThingName}` scope
 * every board to its own topics, stream and channel.
 */
export const modelCodeSchema = z
  .string()
  .regex(/^[a-z0-9]{2,8}$/, 'a model code is 2 to 8 of a-z and 0-9, e.g. n4k');
export const serialSchema = z
  .string()
  .regex(/^[A-Z0-9]{2,8}-\d{6}$/, 'a serial is MODEL-NNNNNN, e.g. N4K-000123');
export const deviceIdSchema = z
  .string()
  .regex(/^aovis-[a-z0-9]{2,8}-\d{6}$/, 'a device id is aovis-<model>-<6 digits>, e.g. aovis-n4k-000123');

/** Lower-case hex SHA-256 of the certificate's DER: AWS IoT's own certificate id. */
export const certificateIdSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'a certificate id is 64 lower-case hex digits');

/** Crockford base32 ULID, as in https://github.com/ulid/spec: 48 bits of milliseconds, 80 random bits. */
export const ulidSchema = z
  .string()
  .regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/, 'a ULID is 26 Crockford base32 symbols');

/**
 * SIM card number: 18 digits without, or 19 to 20 digits with, a final Luhn digit (ITU-T E.118).
 * Carriers print both forms.
 */
export const iccidSchema = z
  .string()
  .regex(/^\d{18,20}$/, 'an ICCID is 18 to 20 digits')
  .refine(
    (iccid) => iccid.length === 18 || luhnValid(iccid),
    'the last digit of the ICCID is wrong (Luhn check): a digit was mistyped',
  );

/** `N4K-000123` → `aovis-n4k-000123`. */
export function deviceIdOf(serial: string): string {
  return `aovis-${serial.toLowerCase()}`;
}

/** `aovis-n4k-000123` → `N4K-000123`. */
export function serialOf(deviceId: string): string {
  return deviceId.slice('aovis-'.length).toUpperCase();
}

/** `aovis-n4k-000123` → `n4k`. */
export function modelOf(deviceId: string): string {
  return deviceId.slice('aovis-'.length, -'-000000'.length);
}

/** Kinesis Video stream of a thing. */
export function streamNameOf(thing: string): string {
  return `aovis-stream-${thing}`;
}

/** Kinesis Video signaling channel of a thing. */
export function channelNameOf(thing: string): string {
  return `aovis-webrtc-${thing}`;
}

/** `89860012345678901234` → `8986************1234`: what a public answer may show of an ICCID. */
export function maskIccid(iccid: string): string {
  return `${iccid.slice(0, 4)}${'*'.repeat(iccid.length - 8)}${iccid.slice(-4)}`;
}

/** ISO/IEC 7812-1 annex B, right to left, every second digit doubled. */
export function luhnValid(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const weighted = i % 2 === 1 ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}
