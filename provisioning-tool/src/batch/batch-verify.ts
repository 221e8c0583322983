import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import { bundleDescriptorSchema, bundleFiles } from '@aovis/contracts/provisioning';
import { certificatesIn, type FactoryCa, fingerprintOf } from '../ca/ca-store.ts';
import { privateDirectoryMode, privateFileMode } from '../files/durable-files.ts';
import { modeProblemOf } from '../files/private-file.ts';
import type { BoardIssued } from '../journal/records.ts';
import { messageOf } from '../refusal.ts';

/** Checks one finished bundle against the journal and the CAs that there ever were; returns what is wrong with it. */
export async function verifyBundle(
  directory: string,
  board: BoardIssued,
  issuers: FactoryCa['issuers'],
  now: number,
): Promise<string[]> {
  const keepsKey = board.key === 'board';
  const wanted = Object.values(bundleFiles).filter((name) => !keepsKey || name !== bundleFiles.privateKey);
  const problems = await modeProblems(directory, wanted);
  if (problems.length > 0) return problems;
  const read = (name: string) => readFile(join(directory, name), 'utf8');
  try {
    return [
      ...descriptorProblems(await read(bundleFiles.descriptor), board),
      ...certificateProblems(
        await read(bundleFiles.certificate),
        keepsKey ? undefined : await read(bundleFiles.privateKey),
        board,
        issuers,
        now,
      ),
      ...rootProblems(await read(bundleFiles.rootCa)),
    ];
  } catch (error) {
    return [`a file cannot be read (${messageOf(error)})`];
  }
}

async function modeProblems(directory: string, wanted: readonly string[]): Promise<string[]> {
  const folder = await modeProblemOf(directory, privateDirectoryMode);
  if (folder?.kind === 'missing') return ['the bundle is missing'];
  const problems = folder ? [`the folder ${folder.says}`] : [];
  for (const name of wanted) {
    const problem = await modeProblemOf(join(directory, name), privateFileMode);
    if (problem) problems.push(`${name} ${problem.says}`);
  }
  for (const name of await readdir(directory))
    if (!wanted.includes(name)) problems.push(`${name} does not belong there`);
  return problems;
}

function descriptorProblems(text: string, board: BoardIssued): string[] {
  const parsed = bundleDescriptorSchema.safeParse(parseJson(text));
  if (!parsed.success) return [`${bundleFiles.descriptor} does not fit the schema`];
  const { device_id, serial, model } = parsed.data;
  return device_id === deviceIdOf(board.serial) && serial === board.serial && model === board.model
    ? []
    : [`${bundleFiles.descriptor} is of another board (${device_id})`];
}

function certificateProblems(
  chainPem: string,
  /** Undefined where the key never left the board. */
  keyPem: string | undefined,
  board: BoardIssued,
  ours: FactoryCa['issuers'],
  now: number,
): string[] {
  const [leaf, ...chain] = certificatesIn(chainPem);
  const issuing = chain[0] && ours.get(fingerprintOf(chain[0]))?.certificate;
  if (!leaf) return [`${bundleFiles.certificate} has no certificate`];
  const publicKeySha256 = createHash('sha256')
    .update(leaf.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  const checks: [boolean, string][] = [
    [fingerprintOf(leaf) === board.certificate_id, 'the certificate is not the one in the journal'],
    [publicKeySha256 === board.public_key_sha256, 'the public key is not the one in the journal'],
    [
      keyPem === undefined || leaf.checkPrivateKey(createPrivateKey(keyPem)),
      'the key does not belong to the certificate',
    ],
    [leaf.subject === `CN=${deviceIdOf(board.serial)}`, `the certificate is made out to ${leaf.subject}`],
    [
      [...ours.values()].some(({ certificate }) => isSignedBy(leaf, certificate)),
      'the certificate is not signed by our CA',
    ],
    [
      chain.length === 1 && issuing !== undefined && isSignedBy(leaf, issuing),
      'the issuing CA does not follow the certificate',
    ],
    [
      new Date(leaf.validFrom).getTime() <= now && now < new Date(leaf.validTo).getTime(),
      'the certificate is not valid now',
    ],
  ];
  return checks.filter(([right]) => !right).map(([, problem]) => problem);
}

function isSignedBy(leaf: X509Certificate, issuing: X509Certificate): boolean {
  return leaf.checkIssued(issuing) && leaf.verify(issuing.publicKey);
}

function rootProblems(pem: string): string[] {
  return new X509Certificate(pem).ca ? [] : [`${bundleFiles.rootCa} is not a CA certificate`];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
