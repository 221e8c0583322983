import type { Mail } from '../../mail/mailer.ts';

export interface InvitationMail {
  to: string;
  /** Ours: base64url after `#token=`, so it needs no escaping. */
  url: string;
  /** The verified address of the owner. Nothing that an owner could have written freely goes into a mail of ours. */
  ownerEmail: string | undefined;
  serial: string;
  expiresAt: Date;
}

export function shareMail({ to, url, ownerEmail, serial, expiresAt }: InvitationMail): Mail {
  return mailOf(to, 'Somebody shares a camera with you', [
    `${nameOf(ownerEmail)} invites you to view the AOVIS camera ${serial}. Open this link and sign in with this address:`,
    { url, label: 'View the camera' },
    `It works once, until ${dayOf(expiresAt)}. If you do not know who invites you, ignore this mail: nothing happens.`,
  ]);
}

export function transferMail({ to, url, ownerEmail, serial, expiresAt }: InvitationMail): Mail {
  return mailOf(to, 'An AOVIS camera is offered to you', [
    `${nameOf(ownerEmail)} wants to hand the AOVIS camera ${serial} over to you. It becomes yours when you open this link, sign in with this address and confirm:`,
    { url, label: 'Take the camera over' },
    `The offer holds until ${dayOf(expiresAt)}. If you do not want the camera, ignore this mail: nothing happens.`,
  ]);
}

type Paragraph = string | { url: string; label: string };

function mailOf(to: string, subject: string, paragraphs: readonly Paragraph[]): Mail {
  const text = paragraphs.map((part) => (typeof part === 'string' ? part : part.url));
  const html = paragraphs.map((part) =>
    typeof part === 'string'
      ? `<p>${escapeHtml(part)}</p>`
      : `<p><a href="${part.url}">${escapeHtml(part.label)}</a></p>`,
  );
  return { to, subject, text: `${text.join('\n\n')}\n`, html: html.join('\n') };
}

function nameOf(ownerEmail: string | undefined): string {
  return ownerEmail ?? 'The owner of a camera';
}

/** `2026-11-27 12:00 UTC` */
function dayOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
