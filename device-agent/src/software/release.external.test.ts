import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { updateStatement } from '@aovis/contracts/jobs';
import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { isSigned, readVendorKey } from './release.ts';

it('takes what openssl has signed, as docs/operations.md tells', async () => {
  const directory = await temporaryDirectory();
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  openssl('genpkey', '-algorithm', 'ed25519', '-out', file('update.key'));
  openssl('pkey', '-in', file('update.key'), '-pubout', '-out', file('update.pub'));
  const program = Buffer.from('the agent');
  const release = {
    version: '1.4.0',
    size: program.length,
    sha256: createHash('sha256').update(program).digest('hex'),
  };
  await writeFile(file('statement'), updateStatement(release));
  const sign = ['-sign', '-rawin', '-inkey', file('update.key'), '-in', file('statement')];
  openssl('pkeyutl', ...sign, '-out', file('signature'));
  const signature = (await readFile(file('signature'))).toString('base64');
  const vendorKey = await readVendorKey(file('update.pub'));
  expect(isSigned({ ...release, signature }, vendorKey)).toBe(true);
  expect(isSigned({ ...release, version: '1.4.1', signature }, vendorKey)).toBe(false);
});
