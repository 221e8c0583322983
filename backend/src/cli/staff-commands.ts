import { InvitationService, invitationMinutes } from '../features/admin/invitation-service.ts';
import { systemClock } from '../kernel/clock.ts';
import { readEmail } from '../kernel/email.ts';
import { type Commands, say, UsageError, withDatabase } from './command.ts';

/** How somebody becomes staff. */
export const staffCommands: Commands = {
  'admin invite': (flags) =>
    withDatabase(async (db) => {
      const role = flags.role ?? 'admin';
      if (role !== 'admin' && role !== 'support') throw new UsageError('--role is admin or support.');
      const email = flags.email === undefined ? undefined : readEmail(flags.email);
      if (flags.email !== undefined && email === undefined)
        throw new UsageError(`«${flags.email}» is no e-mail address.`);
      const invitations = new InvitationService({ db, clock: systemClock });
      const { token } = await invitations.invite({ role, email, additional: flags.additional === true });
      // By itself, so that a script can take it. It is shown nowhere else and never again.
      say(token);
      const holder = email === undefined ? 'signed in' : `signed in as ${email}`;
      process.stderr.write(
        `Redeem it within ${invitationMinutes} minutes, ${holder}: ` +
          `POST /api/admin/invitations/redeem {"token":"…"}. It works once.\n`,
      );
      return 0;
    }),
};
