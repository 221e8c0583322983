import { deviceIdSchema, serialOf, serialSchema } from '@aovis/contracts/ids';
import { Refusal } from '../refusal.ts';

/** The serial of a board that is named by its serial or by its device id, in whatever case. @throws Refusal */
export function readSerial(text: string): string {
  const deviceId = deviceIdSchema.safeParse(text.toLowerCase());
  const serial = serialSchema.safeParse(deviceId.success ? serialOf(deviceId.data) : text.toUpperCase());
  if (serial.success) return serial.data;
  throw new Refusal(
    'usage',
    `«${text}» is neither a serial, e.g. N4K-000123, nor a device id, e.g. aovis-n4k-000123; read it off the board.`,
  );
}
