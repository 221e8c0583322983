import { createPrivateKey } from 'node:crypto';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { deviceIdSchema } from '@aovis/contracts/ids';
import { bundleDescriptorSchema, bundleFiles } from '@aovis/contracts/provisioning';
import { createTarDecoder, type TarPackController } from 'modern-tar';
import { certificatesIn } from '../ca/ca-store.ts';
import {
  privateDirectoryMode,
  privateFileMode,
  syncDirectory,
  writeNewFile,
} from '../files/durable-files.ts';
import { modeProblemOf } from '../files/private-file.ts';
import { Refusal } from '../refusal.ts';

/** Certificate chains and roots have a few kB; more than this is no bundle. */
const longestFile = 256 * 1024;
const fileNames: readonly string[] = Object.values(bundleFiles);

/** Writes `<device id>/<file>` of each bundle, modes 0600. @throws Refusal for a bundle that others can read */
export async function packBundles(
  archive: TarPackController,
  bundles: Iterable<{ deviceId: string; directory: string }>,
): Promise<void> {
  for (const { deviceId, directory } of bundles) {
    await refuseOpen(directory, privateDirectoryMode);
    for (const name of (await readdir(directory)).sort()) {
      const path = join(directory, name);
      if (!fileNames.includes(name))
        throw new Refusal('conflict', `${path} does not belong into a bundle; take it away.`);
      await refuseOpen(path, privateFileMode);
      const [content, { mtime }] = await Promise.all([readFile(path), stat(path)]);
      const entry = archive.add({
        name: `${deviceId}/${name}`,
        size: content.length,
        mode: privateFileMode,
        mtime,
      });
      const writer = entry.getWriter();
      await writer.write(new Uint8Array(content));
      await writer.close();
    }
  }
  archive.finalize();
}

async function refuseOpen(path: string, wanted: number): Promise<void> {
  const problem = await modeProblemOf(path, wanted);
  if (problem === undefined) return;
  const advice =
    problem.kind === 'mode'
      ? ': others may have read it. Find out who, then let «aovis-provision batch reconcile --apply» close it.'
      : '; «aovis-provision batch verify» says what else is wrong.';
  throw new Refusal('conflict', `${path} ${problem.says}${advice}`);
}

/**
 * Unpacks bundles into the new folder `target`; returns their device ids. Only whole, coherent bundles are accepted.
 * @throws Refusal
 */
export async function unpackBundles(tar: ReadableStream<Uint8Array>, target: string): Promise<string[]> {
  const unpacked = new Set<string>();
  for await (const { header, body } of tar.pipeThrough(createTarDecoder({ strict: true }))) {
    const [deviceId = '', name = '', ...rest] = header.name.split('/');
    const fits = deviceIdSchema.safeParse(deviceId).success && fileNames.includes(name) && rest.length === 0;
    if (!fits || header.type !== 'file' || header.size > longestFile)
      throw new Refusal('conflict', 'The sealed file holds something that is no bundle; nothing was kept.');
    if (!unpacked.has(deviceId)) await mkdir(join(target, deviceId), { mode: privateDirectoryMode });
    unpacked.add(deviceId);
    await writeNewFile(join(target, deviceId, name), Buffer.from(await new Response(body).arrayBuffer()));
  }
  for (const deviceId of unpacked) {
    await refuseIncoherent(join(target, deviceId), deviceId);
    await syncDirectory(join(target, deviceId));
  }
  return [...unpacked];
}

async function refuseIncoherent(directory: string, deviceId: string): Promise<void> {
  const read = (name: string) => readFile(join(directory, name), 'utf8');
  const present = await readdir(directory);
  try {
    const descriptor = bundleDescriptorSchema.parse(JSON.parse(await read(bundleFiles.descriptor)));
    const [leaf] = certificatesIn(await read(bundleFiles.certificate));
    const [root] = certificatesIn(await read(bundleFiles.rootCa));
    // A board with a secure element keeps its key.
    const keyFits =
      !present.includes(bundleFiles.privateKey) ||
      leaf?.checkPrivateKey(createPrivateKey(await read(bundleFiles.privateKey))) === true;
    if (descriptor.device_id === deviceId && leaf?.subject === `CN=${deviceId}` && root && keyFits) return;
  } catch {
    // Said below, for whatever does not fit.
  }
  throw new Refusal(
    'conflict',
    `The bundle of ${deviceId} in the sealed file does not fit together; nothing was kept.`,
  );
}
