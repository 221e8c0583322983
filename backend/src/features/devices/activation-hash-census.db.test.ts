import { createHash } from 'node:crypto';
import { activationCodeDigest } from '@aovis/contracts/activation-code';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { checkActivationCode, hashActivationDigest, parsePeppers } from './activation-hash.ts';
import { countActivationHashes } from './activation-hash-census.ts';
import { labelCode, seedBoard } from './testing/seed.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const first = `p1:${'11'.repeat(32)}`;
const second = `p2:${'22'.repeat(32)}`;
const [before, both, after] = [first, `${second},${first}`, second].map(parsePeppers) as [
  ReturnType<typeof parsePeppers>,
  ReturnType<typeof parsePeppers>,
  ReturnType<typeof parsePeppers>,
];

it('follows a change of the pepper from the first label to the last', async () => {
  const db = database.knex;
  const serials = ['N4K-700001', 'N4K-700002'];
  for (const serial of serials) {
    const hash = hashActivationDigest(activationCodeDigest(serial, labelCode), before);
    await seedBoard(db, { serial, activationCodeHash: hash });
  }
  const plain = createHash('sha256').update('ABCDEF012345').digest('hex');
  await seedBoard(db, { serial: 'N4K-700003', activationCodeHash: `sha256$${plain}` });
  await seedBoard(db, { serial: 'N4K-700004', status: 'planned' });

  const imported = { kind: 'sha256', labels: 1, standing: 'moves at its first use' };
  const underFirst = { kind: 'hmac-sha256', pepper: 'p1', labels: 2 };
  expect(await countActivationHashes(db, before)).toEqual([{ ...underFirst, standing: 'current' }, imported]);
  expect(await countActivationHashes(db, both)).toEqual([
    { ...underFirst, standing: 'moves at its first use' },
    imported,
  ]);
  expect(await countActivationHashes(db, after)).toEqual([{ ...underFirst, standing: 'missing' }, imported]);

  const typed = [...serials.map((serial) => [serial, labelCode]), ['N4K-700003', 'abcdef 012345']];
  for (const [serial = '', typedCode = ''] of typed) {
    const row = await db('devices').where({ serial }).first<{ activation_code_hash: string }>();
    const check = checkActivationCode({ serial, typedCode, storedHash: row.activation_code_hash }, both);
    const moved = check.matches ? check.upgradedHash : undefined;
    await db('devices').where({ serial }).update({ activation_code_hash: moved });
  }
  expect(await countActivationHashes(db, after)).toEqual([
    { kind: 'hmac-sha256', pepper: 'p2', labels: 3, standing: 'current' },
  ]);
});
