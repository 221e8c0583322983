import type { Mail } from '../../mail/mailer.ts';

/** The mail with the link. `url` is ours: base64url after `#token=`, so it needs no escaping. */
export function magicLinkMail({ to, url, minutes }: { to: string; url: string; minutes: number }): Mail {
  return {
    to,
    subject: 'Your AOVIS sign-in link',
    text: [
      'Open this link on the device where you asked for it, and confirm:',
      '',
      url,
      '',
      `It works once, within ${minutes} minutes. If you did not ask for it, ignore this mail: nothing happens.`,
      '',
    ].join('\n'),
    html: [
      '<p>Open this link on the device where you asked for it, and confirm:</p>',
      `<p><a href="${url}">Sign in to AOVIS</a></p>`,
      `<p>It works once, within ${minutes} minutes. If you did not ask for it, ignore this mail: nothing happens.</p>`,
    ].join('\n'),
  };
}
