import { formatHead, parseHead, readAnchors } from '../features/audit/audit-anchors.ts';
import { readHead, verifyAuditLog } from '../features/audit/audit-verification.ts';
import { type Commands, say, withDatabase } from './command.ts';

/** Whether the audit log is what was written. */
export const auditCommands: Commands = {
  'audit verify': (flags) =>
    withDatabase(async (db) => {
      const fromFile = flags['anchor-file'] === undefined ? [] : await readAnchors(flags['anchor-file']);
      const anchors = [...(flags.anchor ?? []).map(parseHead), ...fromFile];
      const result = await verifyAuditLog(db, anchors);
      say(result.ok ? `ok ${formatHead(result.head)}` : `tampered: ${result.problem}`);
      if (anchors.length === 0)
        process.stderr.write(
          'Compared with no anchor: an end that was cut off together with its head would not show. Give --anchor-file.\n',
        );
      return result.ok ? 0 : 1;
    }),
  'audit head': () =>
    withDatabase(async (db) => {
      say(formatHead(await readHead(db)));
      return 0;
    }),
};
