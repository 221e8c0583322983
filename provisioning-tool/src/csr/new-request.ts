import { readFile } from 'node:fs/promises';
import type { FactoryCa } from '../ca/ca-store.ts';
import type { BoardStanding } from '../journal/journal.ts';
import { messageOf, Refusal } from '../refusal.ts';
import { type CertificateAsk, CsrRefused } from './certificate-request.ts';
import { KnownKeys } from './known-keys.ts';

/** The request that a finished board makes for a new key of its own. @throws Refusal */
export async function readNewRequest(
  path: string,
  serial: string,
  { standings, ca }: { standings: AsyncIterable<BoardStanding>; ca: FactoryCa },
): Promise<CertificateAsk> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    throw new Refusal('csv', `The request ${path} cannot be read (${messageOf(error)}); check its name.`, {
      cause: error,
    });
  }
  try {
    return await (await KnownKeys.read(standings, ca)).admit(content, serial, { fresh: true });
  } catch (error) {
    if (!(error instanceof CsrRefused)) throw error;
    throw new Refusal('csv', `The request ${path} ${error.message}. Nothing was done.`, { cause: error });
  }
}
