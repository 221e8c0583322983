import { dataClasses, keptData } from './retention-classes.ts';

/** docs/retention.md, from the table that the job runs by. */
export function retentionDocument(): string {
  return `${[
    '# How long data is kept',
    '',
    'Made from `backend/src/features/account/retention-classes.ts`; a test keeps both equal. The job `account.retention` runs',
    'every hour and removes what is over in statements of at most 1,000 rows. The terms are a proposal of engineering: a',
    'lawyer must confirm them for each country that is sold to.',
    '',
    '## Removed by the job',
    '',
    '| what | kept | then | why |',
    '|---|---|---|---|',
    ...dataClasses.map(
      ({ what, keptDays, blank, why }) =>
        `| ${what} | ${termOf(keptDays)} | ${blank === undefined ? 'deleted' : 'blanked'} | ${why} |`,
    ),
    '',
    '## Kept',
    '',
    '| what | for how long | why |',
    '|---|---|---|',
    ...keptData.map(({ what, term, why }) => `| ${what} | ${term} | ${why} |`),
    '',
    '## When an account is closed',
    '',
    '`DELETE /api/account` removes at once: name, mail address, ways to sign in, sessions, consents, sign-in links, attempts to',
    'activate, kept answers, the mail and delivery addresses of the orders of the account, names given to devices. All devices',
    'are released, which wipes their shadows; what they reported is removed within minutes, by the outbox. Orders of guests',
    'stay as they are, even with the same mail address: it was typed into a payment page and proves nothing about who ordered.',
    'What the payment provider and the SIM carrier hold is theirs to keep and to remove.',
  ].join('\n')}\n`;
}

function termOf(days: number): string {
  if (days === 0) return 'until it ends';
  if (days % 365 === 0) return days === 365 ? '1 year' : `${days / 365} years`;
  return days === 1 ? '1 day' : `${days} days`;
}
