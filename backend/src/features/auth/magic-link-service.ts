import { randomUUID } from 'node:crypto';
import type { SignedIn } from '@aovis/contracts/http/auth';
import { z } from 'zod';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { readEmail } from '../../kernel/email.ts';
import { AppError } from '../../kernel/errors.ts';
import { deriveToken, hashToken, randomToken } from '../../kernel/tokens.ts';
import type { Mailer } from '../../mail/mailer.ts';
import { enqueue, type OutboxHandlers } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import { magicLinkMail } from './magic-link-mail.ts';
import { MagicLinkRepository } from './magic-link-repository.ts';
import type { Asker } from './session-service.ts';
import type { ProvedIdentity, SignedInBrowser, SignInService } from './sign-in-service.ts';

/** OWASP ASVS 5.0, 6.5.5: at most 10 minutes for out-of-band requests. */
export const magicLinkTtlSeconds = 600;
export const magicLinkTopic = 'auth.mail-magic-link';
/** Used and expired links are kept a day, for questions. */
const keptMs = 24 * 60 * 60_000;

const payloadSchema = z.strictObject({ link_id: z.uuid() });

export interface MagicLinkDependencies {
  db: Database;
  clock: Clock;
  signIns: SignInService;
  mailer: Mailer;
  /** Key from which a link's token follows: the token itself is stored nowhere. */
  linkSecret: string;
  /** Of the page that a link opens, without the token. */
  pageUrl: string;
}

/** What a mailed link says, and the secret that binds it to who asked for it. */
export interface MagicLink {
  token: string;
  requestSecret: string;
}

/** Signs people in by a link mailed to them. */
export class MagicLinkService {
  readonly #dependencies: MagicLinkDependencies;

  constructor(dependencies: MagicLinkDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Queues the mail and returns the secret that binds the link to this requester. Whether the address is known is
   * not even looked up, so neither answer nor time can tell.
   * @throws AppError invalid_email
   */
  async request(typedEmail: string, { requestId }: Asker): Promise<{ requestSecret: string }> {
    const email = readEmail(typedEmail);
    if (email === undefined) throw new AppError('invalid_email');
    const { db, clock } = this.#dependencies;
    const now = clock.now();
    const id = randomUUID();
    const requestSecret = randomToken();
    await transaction(db, async (trx) => {
      const links = new MagicLinkRepository(trx);
      await links.deleteOlderThan(new Date(now.getTime() - keptMs));
      await links.insert({
        id,
        email,
        tokenHash: hashToken(this.#tokenOf(id)),
        requesterHash: hashToken(requestSecret),
        now,
        expiresAt: new Date(now.getTime() + magicLinkTtlSeconds * 1_000),
      });
      await enqueue(trx, { topic: magicLinkTopic, key: `mail:${id}`, payload: { link_id: id }, requestId });
      await record(trx, {
        action: 'magic_link.request',
        actor: { kind: 'anonymous' },
        subject: { kind: 'magic_link', id },
        outcome: 'ok',
        details: {},
        requestId,
      });
    });
    return { requestSecret };
  }

  /** @throws AppError invalid_token, the same for an unknown, used, expired or foreign link */
  async verify(link: MagicLink, asker: Asker): Promise<SignedIn> {
    const { signIns } = this.#dependencies;
    return this.#use(link, asker, (trx, identity) => signIns.signIn(trx, identity, asker));
  }

  /** As `verify`, for a browser. */
  async verifyForBrowser(link: MagicLink, asker: Asker): Promise<SignedInBrowser> {
    const { signIns } = this.#dependencies;
    return this.#use(link, asker, (trx, identity) => signIns.signInBrowser(trx, identity, asker));
  }

  async #use<Result>(
    link: MagicLink,
    asker: Asker,
    signIn: (trx: Database, identity: ProvedIdentity) => Promise<Result | undefined>,
  ): Promise<Result> {
    const { db, clock } = this.#dependencies;
    const signedIn = await transaction(db, async (trx) => {
      const email = await new MagicLinkRepository(trx).use({
        tokenHash: hashToken(link.token),
        requesterHash: hashToken(link.requestSecret),
        now: clock.now(),
      });
      if (email === undefined) return refuse(trx, asker);
      const identity = {
        provider: 'email',
        subject: email,
        email,
        emailVerified: true,
        name: undefined,
      } as const;
      return signIn(trx, identity);
    });
    if (signedIn === undefined) throw new AppError('invalid_token');
    return signedIn;
  }

  /** Sends the queued mails. A link that is used, replaced or expired by now is not mailed any more. */
  outboxHandlers(): OutboxHandlers {
    const { db, clock, mailer, pageUrl } = this.#dependencies;
    return {
      [magicLinkTopic]: async (payload) => {
        const { link_id: id } = payloadSchema.parse(payload);
        const link = await new MagicLinkRepository(db).findOpen(id, clock.now());
        if (link === undefined) return;
        // In the fragment: it reaches neither server logs nor Referer headers.
        const url = `${pageUrl}#token=${this.#tokenOf(id)}`;
        await mailer.send(magicLinkMail({ to: link.email, url, minutes: magicLinkTtlSeconds / 60 }));
      },
    };
  }

  #tokenOf(linkId: string): string {
    return deriveToken(this.#dependencies.linkSecret, 'magic-link', linkId);
  }
}

async function refuse(trx: Database, { requestId }: Asker): Promise<undefined> {
  await record(trx, {
    action: 'session.open',
    actor: { kind: 'anonymous' },
    subject: { kind: 'provider', id: 'email' },
    outcome: 'refused',
    details: { code: 'invalid_token' },
    requestId,
  });
}
