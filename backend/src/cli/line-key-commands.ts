import { FactoryKeyService } from '../features/line/factory-key-service.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Commands, needed, say, UsageError, withDatabase } from './command.ts';

/** API keys of production lines. */
export const lineKeyCommands: Commands = {
  'line-key add': (flags) =>
    withDatabase(async (db) => {
      const days = flags.days === undefined ? undefined : wholeNumber(flags.days, '--days', 3_650);
      const scopes = needed(flags.scopes, '--scopes').split(',').filter(Boolean);
      const keys = new FactoryKeyService({ db, clock: systemClock });
      const made = await keys.add(needed(flags.id, '--id'), scopes, days);
      showKey(made.key, `Key ${made.keyId}, ${endOf(made.expiresAt)}.`);
      return 0;
    }),
  'line-key rotate': (flags) =>
    withDatabase(async (db) => {
      const hours = wholeNumber(flags['overlap-hours'] ?? '24', '--overlap-hours', 720);
      const id = needed(flags.id, '--id');
      const made = await new FactoryKeyService({ db, clock: systemClock }).rotate(id, hours);
      showKey(
        made.key,
        `Key ${made.keyId}, ${endOf(made.expiresAt)}. The old one, ${id}, works until ${made.oldExpiresAt.toISOString()}.`,
      );
      return 0;
    }),
  'line-key revoke': (flags) =>
    withDatabase(async (db) => {
      const id = needed(flags.id, '--id');
      say(`${id} ${await new FactoryKeyService({ db, clock: systemClock }).revoke(id)}`);
      return 0;
    }),
  'line-key list': () =>
    withDatabase(async (db) => {
      for (const key of await new FactoryKeyService({ db, clock: systemClock }).list())
        say(JSON.stringify(key));
      return 0;
    }),
};

/** The key by itself on stdout, so that a script can take it. It is shown nowhere else and never again. */
function showKey(key: string, about: string): void {
  say(key);
  process.stderr.write(`${about} It is shown this once; send it as «Authorization: Bearer <key>».\n`);
}

function endOf(expiresAt: Date | undefined): string {
  return expiresAt === undefined ? 'good until it is revoked' : `good until ${expiresAt.toISOString()}`;
}

/** @throws UsageError */
function wholeNumber(text: string, flag: string, most: number): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value >= 1 && value <= most) return value;
  throw new UsageError(`${flag} is a whole number from 1 to ${most}.`);
}
