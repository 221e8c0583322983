import type { Database } from '../../db/database.ts';

export class MagicLinkRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The new link makes the older ones of its address worthless. */
  async insert(link: {
    id: string;
    email: string;
    tokenHash: Buffer;
    requesterHash: Buffer;
    now: Date;
    expiresAt: Date;
  }): Promise<void> {
    await this.#db('magic_links')
      .where({ email: link.email })
      .whereNull('used_at')
      .whereNull('voided_at')
      .update({ voided_at: link.now });
    await this.#db('magic_links').insert({
      id: link.id,
      email: link.email,
      token_hash: link.tokenHash,
      requester_hash: link.requesterHash,
      created_at: link.now,
      expires_at: link.expiresAt,
    });
  }

  /** Uses the link up and returns its address. One statement: of many at once exactly one gets it. */
  async use(link: { tokenHash: Buffer; requesterHash: Buffer; now: Date }): Promise<string | undefined> {
    const [row] = await this.#db('magic_links')
      .where({ token_hash: link.tokenHash, requester_hash: link.requesterHash })
      .whereNull('used_at')
      .whereNull('voided_at')
      .where('expires_at', '>', link.now)
      .update({ used_at: link.now })
      .returning<{ email: string }[]>('email');
    return row?.email;
  }

  /** Where to mail a link that still waits for it. */
  async findOpen(id: string, now: Date): Promise<{ email: string } | undefined> {
    return this.#db('magic_links')
      .where({ id })
      .whereNull('used_at')
      .whereNull('voided_at')
      .where('expires_at', '>', now)
      .first<{ email: string } | undefined>('email');
  }

  async deleteOlderThan(time: Date): Promise<void> {
    await this.#db('magic_links').where('expires_at', '<', time).delete();
  }
}
