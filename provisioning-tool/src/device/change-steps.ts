import { rm } from 'node:fs/promises';
import { deviceIdOf } from '@aovis/contracts/ids';
import { decodeTime } from 'ulid';
import { chainOf, steps, thingAttributesOf } from '../batch/board-steps.ts';
import { copyLabels, dropLabels } from '../batch/labels.ts';
import { CloudFailure } from '../cloud/iot-registry.ts';
import { exists, renameDurably } from '../files/durable-files.ts';
import { BoardConflict } from '../handover/backend-client.ts';
import { writeManifest } from '../handover/handover.ts';
import { manifestDeviceOf, manifestIdOf } from '../handover/manifest.ts';
import type { BatchState } from '../journal/journal-state.ts';
import type { DeviceChangeKind } from '../journal/records.ts';
import { Refusal } from '../refusal.ts';
import type { Change, ChangeBackend, ChangeParts } from './change-parts.ts';

/** One effect of a change. Repeating it changes nothing; its result is journalled after it. */
export interface ChangeStep {
  name: string;
  /** For somebody who only asks what would be done. */
  does: string;
  run(parts: ChangeParts, change: Change): Promise<void>;
}

const register: ChangeStep = {
  name: 'register',
  does: 'register the new certificate, INACTIVE',
  run: async ({ settings, registry }, { after }) => {
    const { leaf, issuer } = await chainOf(settings.folder.staged(deviceIdOf(after.serial)), after);
    const caPem = settings.caPem === undefined ? undefined : (issuer ?? settings.caPem);
    await registry.registerCertificate({ id: after.certificate_id, pem: leaf, caPem });
  },
};

const attach: ChangeStep = {
  name: 'attach',
  does: 'attach it to the thing, and the policy to it',
  run: async ({ settings }, { after }) => {
    await steps.principal(settings, after);
    await steps.policy(settings, after);
  },
};

const replaceAtBackend: ChangeStep = {
  name: 'backend',
  does: 'put it on record at the backend',
  run: async (parts, { planned, before, after }) => {
    await backendOf(parts).requests.change({
      action: 'replace_certificate',
      ...accountOf(planned),
      certificate_id: before.certificate_id,
      new_certificate_id: after.certificate_id,
    });
  },
};

const handOver: ChangeStep = {
  name: 'manifest',
  does: 'hand the new code over to the backend: the one before is worth nothing from then on',
  run: async (parts, { planned, after, batch }) => {
    const { station, settings } = parts;
    const jws = await writeManifest(settings.folder, station, {
      schema_version: 1,
      manifest_id: manifestIdOf(batch.id, Date.parse(batch.startedAt), [after]),
      station_id: station.stationId,
      batch_id: batch.id,
      created_at: new Date(decodeTime(planned.change_id)).toISOString(),
      devices: [manifestDeviceOf(after)],
    });
    await backendOf(parts).client.push(jws, false);
  },
};

const swapBundle: ChangeStep = {
  name: 'bundle',
  does: 'put the new bundle in the place of the one before',
  run: async ({ settings: { folder } }, { after }) => {
    const deviceId = deviceIdOf(after.serial);
    const [staged, bundle, replaced] = [
      folder.staged(deviceId),
      folder.bundle(deviceId),
      folder.replaced(deviceId),
    ];
    // After a cut between the rename and the journal the new bundle is there already.
    if (!(await exists(staged))) return;
    if (await exists(bundle)) {
      await rm(replaced, { recursive: true, force: true });
      await renameDurably(bundle, replaced);
    }
    await renameDurably(staged, bundle);
  },
};

const activate: ChangeStep = {
  name: 'activate',
  does: 'make it ACTIVE',
  run: ({ registry }, { after }) => registry.activateCertificate(after.certificate_id),
};

const revokeFormer: ChangeStep = {
  name: 'revoke_former',
  does: 'revoke every other certificate of the board: AWS disconnects whoever uses one',
  run: async (parts, { before, after }) => {
    const ids = new Set([...(await principalsOf(parts, after.serial)), before.certificate_id]);
    ids.delete(after.certificate_id);
    for (const id of ids) {
      await revoke(parts, id);
      const arn = parts.settings.certificateArnPrefix + id;
      for (const policy of await parts.upkeep.policiesOf(arn)) await parts.upkeep.detachPolicy(policy, arn);
      await parts.upkeep.detachThingPrincipal(deviceIdOf(after.serial), arn);
    }
    const { folder } = parts.settings;
    await rm(folder.replaced(deviceIdOf(after.serial)), { recursive: true, force: true });
  },
};

const tidyLabels: ChangeStep = {
  name: 'labels',
  does: 'take the old code out of labels.csv',
  run: ({ settings }, { after }) =>
    dropLabels(
      settings.folder.labels,
      (label) => label?.serial === after.serial && label.digest !== after.activation_code_digest,
    ),
};

const moveAtBackend: ChangeStep = {
  name: 'backend',
  does: 'count it to the other batch at the backend',
  run: async (parts, { planned, after }) => {
    await backendOf(parts).requests.change({
      action: 'move_board',
      ...accountOf(planned),
      batch_id: after.batch_id,
    });
  },
};

const moveThing: ChangeStep = {
  name: 'thing',
  does: 'say so in the attributes of its thing',
  run: ({ journal, upkeep }, { after }) => {
    const target = journal.state.batches.get(after.batch_id) as BatchState;
    return upkeep.updateThing(deviceIdOf(after.serial), thingAttributesOf(after, target.stationId));
  },
};

const moveFiles: ChangeStep = {
  name: 'files',
  does: 'move its bundle and its label to the folder of the other batch',
  run: async ({ settings: { folder: from }, folderOf }, { after }) => {
    const to = folderOf(after.batch_id);
    const deviceId = deviceIdOf(after.serial);
    await to.create();
    if ((await exists(from.bundle(deviceId))) && !(await exists(to.bundle(deviceId))))
      await renameDurably(from.bundle(deviceId), to.bundle(deviceId));
    await copyLabels(from.labels, to.labels, after.serial);
    await dropLabels(from.labels, (label) => label?.serial === after.serial);
  },
};

const revokeAll: ChangeStep = {
  name: 'certificates',
  does: 'revoke its certificates: AWS disconnects the board, and it cannot come back',
  run: async (parts, { before, after }) => {
    const ids = [...(await principalsOf(parts, before.serial)), before.certificate_id, after.certificate_id];
    for (const id of new Set(ids)) await revoke(parts, id);
  },
};

const revokeAtBackend: ChangeStep = {
  name: 'backend',
  does: 'tell the backend: nobody can activate it any more',
  run: ({ backend }, { planned }) => end(backend, { action: 'revoke_board', ...accountOf(planned) }),
};

const retireAtBackend: ChangeStep = {
  name: 'backend',
  does: 'retire it at the backend: its code is forgotten',
  run: ({ backend }, { planned }) =>
    end(backend, {
      action: 'retire_board',
      ...accountOf(planned),
      ...(planned.replaced_by ? { replaced_by: planned.replaced_by } : {}),
    }),
};

const clearRegistry: ChangeStep = {
  name: 'registry',
  does: 'delete its certificates and its thing at AWS IoT',
  run: async (parts, { before, after }) => {
    const { upkeep, settings } = parts;
    const deviceId = deviceIdOf(before.serial);
    const ids = [...(await principalsOf(parts, before.serial)), before.certificate_id, after.certificate_id];
    for (const id of new Set(ids)) {
      const arn = settings.certificateArnPrefix + id;
      for (const policy of await upkeep.policiesOf(arn)) await upkeep.detachPolicy(policy, arn);
      await upkeep.detachThingPrincipal(deviceId, arn);
      await upkeep.deleteCertificate(id);
    }
    await upkeep.deleteThing(deviceId);
  },
};

const clearFiles: ChangeStep = {
  name: 'files',
  does: 'delete its bundle and its label here',
  run: async ({ settings, folderOf }, { before, after }) => {
    const deviceId = deviceIdOf(before.serial);
    // A transfer that this took the place of may have begun to fill the other folder.
    for (const folder of [settings.folder, folderOf(after.batch_id)]) {
      for (const path of [folder.bundle(deviceId), folder.staged(deviceId), folder.replaced(deviceId)])
        await rm(path, { recursive: true, force: true });
      await dropLabels(folder.labels, (label) => label?.serial === before.serial);
    }
  },
};

/**
 * The effects of each change, in their order: what takes something away from whoever should not have it comes first,
 * and a new certificate becomes ACTIVE only when its bundle lies in its place and the backend has taken it.
 */
export const changeSteps: Record<DeviceChangeKind, readonly ChangeStep[]> = {
  reissue_code: [handOver, tidyLabels],
  rotate: [register, attach, replaceAtBackend, swapBundle, activate, revokeFormer],
  rma: [register, attach, handOver, swapBundle, activate, revokeFormer, tidyLabels],
  transfer: [moveAtBackend, moveThing, moveFiles],
  revoke: [revokeAll, revokeAtBackend],
  destroy: [revokeAll, retireAtBackend, clearRegistry, clearFiles],
};

function backendOf({ backend }: ChangeParts): ChangeBackend {
  if (backend) return backend;
  throw new Refusal('usage', 'This takes the backend: give --backend-url, then run the same command again.');
}

function accountOf({ board, operator, reason }: Change['planned']) {
  return { serial: board.serial, operator, reason };
}

/** A board that the backend never heard of cannot be activated either. */
async function end(
  backend: ChangeBackend | undefined,
  request: Parameters<ChangeBackend['requests']['change']>[0],
): Promise<void> {
  try {
    await backend?.requests.change(request);
  } catch (error) {
    if (!(error instanceof BoardConflict) || error.reason !== 'unknown') throw error;
  }
}

/** Ids of the certificates that AWS has attached to the board's thing: some may come from the field. */
async function principalsOf({ upkeep }: ChangeParts, serial: string): Promise<string[]> {
  const arns = await upkeep.principalsOf(deviceIdOf(serial));
  return arns.flatMap((arn) => arn.split(':cert/')[1] ?? []);
}

/** One that AWS does not have opens nothing. */
async function revoke({ upkeep }: ChangeParts, id: string): Promise<void> {
  try {
    await upkeep.setCertificateStatus(id, 'REVOKED');
  } catch (error) {
    if (!(error instanceof CloudFailure) || error.kind !== 'not-found') throw error;
  }
}
