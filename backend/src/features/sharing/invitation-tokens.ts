import { deriveToken, hashToken } from '../../kernel/tokens.ts';

export type InvitationKind = 'share' | 'transfer';

/**
 * Tokens of invitations. They follow from the id of the invitation and a key, so that the mail can be written after the
 * commit and no token lies in the database (docs/adr/0012-derived-tokens.md).
 */
export class InvitationTokens {
  readonly #secret: string;
  readonly #pageUrls: Record<InvitationKind, string>;

  /** @param pageUrls of the pages that the links open, without the token */
  constructor(secret: string, pageUrls: Record<InvitationKind, string>) {
    this.#secret = secret;
    this.#pageUrls = pageUrls;
  }

  hashOf(kind: InvitationKind, id: string): Buffer {
    return hashToken(this.#tokenOf(kind, id));
  }

  /** The token is in the fragment: it reaches neither server logs nor Referer headers. */
  urlOf(kind: InvitationKind, id: string): string {
    return `${this.#pageUrls[kind]}#token=${this.#tokenOf(kind, id)}`;
  }

  #tokenOf(kind: InvitationKind, id: string): string {
    return deriveToken(this.#secret, `${kind}-invitation`, id);
  }
}
