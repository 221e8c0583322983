import { basename, resolve } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import { BatchFolder } from '../batch/batch-folder.ts';
import { readSerial } from '../device/board-name.ts';
import { exists } from '../files/durable-files.ts';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { isLive, isProvisioned, type JournalState } from '../journal/journal-state.ts';
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

/** Seals the bundles of a batch's live boards, or of those named by serial or device id. */
export async function bundleSeal(
  context: CommandContext,
  batchId: string,
  { recipient, to, boards }: { recipient: string; to: string | undefined; boards: readonly string[] },
): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  checkRecipient(recipient);
  const replay = await replayJournal(journalPath(workspace));
  findBatch(replay, batchId);
  const folder = new BatchFolder(workspace, batchId);
  const serials = sealedSerials(replay.state, batchId, boards);
  const bundles = serials
    .map((serial) => deviceIdOf(serial))
    .map((deviceId) => ({ deviceId, directory: folder.bundle(deviceId) }));
  const name = boards.length > 0 && bundles.length === 1 ? bundles[0]?.deviceId : batchId;
  const path = resolve(to ?? `${name}.tar.age`);
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

/** Boards with a bundle that is good for something, in the order in which they were made. @throws Refusal */
function sealedSerials(state: JournalState, batchId: string, boards: readonly string[]): string[] {
  const finished = state
    .boardsOf(batchId)
    .filter(([, board]) => isProvisioned(board) && isLive(board))
    .map(([serial]) => serial);
  if (finished.length === 0)
    throw new Refusal('conflict', `Batch ${batchId} has no finished board yet; there is nothing to seal.`);
  const wanted = new Set(boards.map(readSerial));
  const strangers = [...wanted].filter((serial) => !finished.includes(serial));
  if (strangers.length > 0)
    throw new Refusal(
      'usage',
      `Batch ${batchId} has no finished board ${strangers.join(', ')}; «aovis-provision device show» says where it is.`,
    );
  return wanted.size === 0 ? finished : finished.filter((serial) => wanted.has(serial));
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
