import { generateKeyPairSync } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import { BatchFolder } from './batch/batch-folder.ts';
import { issueBoard } from './batch/issue-board.ts';
import { LabelFile } from './batch/labels.ts';
import { WorkPool } from './batch/work-pool.ts';
import { fromDer } from './ca/asn1.ts';
import { issueBoardIdentity, type LeafIssuer, validityOf } from './ca/board-identity.ts';
import { keyIdentifierOf, nameOf } from './ca/certificate.ts';
import { keySigner } from './ca/signer.ts';
import { systemClock } from './clock.ts';
import { madeKeys } from './csr/board-identities.ts';
import { AppendFile } from './files/append-file.ts';
import { Journal } from './journal/journal.ts';

/** What `bench/` measures of this tool. The figures are of one thread. */
export interface Measurement {
  count: number;
  seconds: number;
  perSecond: number;
}

function newIssuer(): LeafIssuer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    name: nameOf({ organization: 'AOVIS', commonName: 'Benchmark CA' }),
    keyId: keyIdentifierOf(fromDer(publicKey.export({ type: 'spki', format: 'der' }))),
    ...validityOf(Date.now(), 20),
    signer: keySigner(privateKey),
  };
}

function serialNumber(i: number): string {
  return `N4K-${String(i).padStart(6, '0')}`;
}

async function measure(count: number, work: () => Promise<void>): Promise<Measurement> {
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  return { count, seconds, perSecond: count / seconds };
}

/** Key, certificate, PEM, certificate id: what one board takes apart from the disk. */
export async function measureIssuance(count: number): Promise<Measurement> {
  const issuer = newIssuer();
  return await measure(count, async () => {
    for (let i = 0; i < count; i++) await issueBoardIdentity(deviceIdOf(serialNumber(i)), issuer);
  });
}

/**
 * All local work of a batch, without cloud: four synced files in a bundle, label and journal, 64 boards at once.
 * `workspace` must be an empty folder.
 */
export async function measureOfflineBatch(workspace: string, boards: number): Promise<Measurement> {
  const issuer = newIssuer();
  const journal = await Journal.open(workspace, systemClock);
  const folder = new BatchFolder(workspace, 'benchmark');
  await folder.create();
  const labels = await LabelFile.open(folder.labels, { current: new Map(), pending: new Set() });
  try {
    const zeros = '0'.repeat(64);
    await journal.append({
      type: 'batch_started',
      batch_id: 'benchmark',
      boards,
      csv_sha256: zeros,
      region: 'eu-central-1',
      issuing_certificate_sha256: zeros,
      station_id: 'benchmark',
      operator: 'benchmark',
      tool_version: '0',
    });
    const desk = {
      batchId: 'benchmark',
      folder,
      journal,
      labels,
      identify: madeKeys(issuer, 'ec-p256'),
      printedCodes: false,
      bundle: {
        region: 'eu-central-1',
        roleAlias: 'aovis-board-video',
        endpoints: { iot: 'iot.example', credentials: 'credentials.example' },
        rootCaPem: 'x'.repeat(1_200),
        issuingCaPem: 'x'.repeat(900),
      },
    };
    return await measure(boards, async () => {
      const pool = new WorkPool(64);
      for (let i = 0; i < boards; i++) {
        await pool.add(async () => {
          await issueBoard(desk, { serial: serialNumber(i), model: 'n4k', iccid: undefined });
        });
      }
      await pool.drain();
    });
  } finally {
    await labels.close();
    await journal.close();
  }
}

/**
 * The writes of `measureOfflineBatch` and nothing else: contents of the same sizes that lie ready, each file and each directory
 * synced by itself, 64 boards at once; label and journal share syncs, as there. What the disk takes at least. `directory` must be an empty folder.
 */
export async function measureRawWrites(directory: string, boards: number): Promise<Measurement> {
  const files = { 'device.json': 500, 'device.key': 241, 'device.crt': 1_700, 'root-ca.pem': 1_200 };
  const content = Object.fromEntries(Object.entries(files).map(([name, size]) => [name, 'x'.repeat(size)]));
  const label = `${'x'.repeat(60)}\n`;
  const line = `${'x'.repeat(620)}\n`;
  const labels = await AppendFile.open(join(directory, 'labels'), 0);
  const journal = await AppendFile.open(join(directory, 'journal'), 0);
  try {
    return await measure(boards, async () => {
      const pool = new WorkPool(64);
      for (let i = 0; i < boards; i++) {
        await pool.add(async () => {
          await Promise.all([labels.append(label), writeRaw(join(directory, serialNumber(i)), content)]);
          await journal.append(line);
        });
      }
      await pool.drain();
    });
  } finally {
    await labels.close();
    await journal.close();
  }
}

/** A directory of synced files, made beside its place and renamed: by system calls alone, none of them shared. */
async function writeRaw(path: string, files: Record<string, string>): Promise<void> {
  const temporary = `${path}.partial`;
  await mkdir(temporary);
  await Promise.all(
    Object.entries(files).map(([name, content]) => writeAndSync(join(temporary, name), content)),
  );
  await writeAndSync(temporary, undefined);
  await rename(temporary, path);
  await writeAndSync(dirname(path), undefined);
}

async function writeAndSync(path: string, content: string | undefined): Promise<void> {
  const handle = await open(path, content === undefined ? 'r' : 'wx');
  try {
    if (content !== undefined) await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
