import { basename, resolve } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import { BatchFolder } from '../batch/batch-folder.ts';
import { exists } from '../files/durable-files.ts';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { isLive, isProvisioned } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import { checkRecipient, digestOf, openBundles, sealBundles } from '../transport/sealed-file.ts';
import {
  createTransportKey,
  loadTransportKey,
  refuseExistingTransportKey,
} from '../transport/transport-key.ts';
import { findBatch } from './batch-comparison.ts';
import type { CommandContext } from './command-context.ts';

export async function bundleKeygen(context: CommandContext): Promise<void> {
  const { terminal, workspace, flags } = context;
  await refuseExistingTransportKey(workspace);
  if (flags.dryRun) {
    terminal.result({ dry_run: true }, ['Would make the transport key. Nothing was done.']);
    return;
  }
  const recipient = await createTransportKey(workspace);
  terminal.result({ transport_key: recipient }, [recipient]);
  terminal.say('Give this to the station that seals; the private half never leaves this computer.');
}

export async function bundleKey({ terminal, workspace }: CommandContext): Promise<void> {
  const { recipient } = await loadTransportKey(workspace);
  terminal.result({ transport_key: recipient }, [recipient]);
}

/** Seals the bundles of a batch's live boards. */
export async function bundleSeal(
  context: CommandContext,
  batchId: string,
  { recipient, to }: { recipient: string; to: string | undefined },
): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  checkRecipient(recipient);
  const replay = await replayJournal(journalPath(workspace));
  findBatch(replay, batchId);
  const folder = new BatchFolder(workspace, batchId);
  const bundles = replay.state
    .boardsOf(batchId)
    .filter(([, board]) => isProvisioned(board) && isLive(board))
    .map(([serial]) => deviceIdOf(serial))
    .map((deviceId) => ({ deviceId, directory: folder.bundle(deviceId) }));
  if (bundles.length === 0)
    throw new Refusal('conflict', `Batch ${batchId} has no finished board yet; there is nothing to seal.`);
  const path = resolve(to ?? `${batchId}.tar.age`);
  if (await exists(path))
    throw new Refusal('conflict', `${path} is there already; name another file with --to.`);
  const count = counted(bundles.length, 'bundle');
  if (context.flags.dryRun) {
    terminal.result({ dry_run: true, batch_id: batchId, bundles: bundles.length, to: path }, [
      `Would seal ${count} into ${path}. Nothing was written.`,
    ]);
    return;
  }
  const sha256 = await sealBundles(path, recipient, bundles, surroundings.signal);
  terminal.result({ batch_id: batchId, bundles: bundles.length, to: path, sha256 }, [
    `${count} sealed into ${path}`,
    `SHA-256 ${sha256}`,
  ]);
  terminal.say(
    'Tell the receiver the SHA-256 by another way than the file: anybody can seal something to a public key.',
  );
}

/** Opens what was sealed to this station. */
export async function bundleOpen(
  context: CommandContext,
  file: string,
  { sha256, to }: { sha256: string; to: string },
): Promise<void> {
  const { terminal, workspace, flags } = context;
  const [path, target] = [resolve(file), resolve(to)];
  if (await exists(target))
    throw new Refusal('conflict', `${target} is there already; name a folder that is not, with --to.`);
  const { identity } = await loadTransportKey(workspace);
  if ((await digestOf(path)) !== sha256.toLowerCase())
    throw new Refusal(
      'conflict',
      `${basename(path)} is not the file that was sealed: its SHA-256 is another. Ask the sealing station for both again.`,
    );
  if (flags.dryRun) {
    terminal.result({ dry_run: true, to: target }, [
      `${basename(path)} is what was sealed; would open it into ${target}. Nothing was written.`,
    ]);
    return;
  }
  const deviceIds = await openBundles(path, identity, target);
  terminal.result({ bundles: deviceIds.length, to: target, device_ids: deviceIds }, [
    `${counted(deviceIds.length, 'bundle')} opened into ${target}`,
  ]);
}
