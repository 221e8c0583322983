import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import { bundleFiles } from '@aovis/contracts/provisioning';
import { certificatesIn, fingerprintOf } from '../ca/ca-store.ts';
import type { IotRegistry } from '../cloud/iot-registry.ts';
import { exists, renameDurably } from '../files/durable-files.ts';
import type { BoardIssued, BoardStep } from '../journal/records.ts';
import { Refusal } from '../refusal.ts';
import type { BatchFolder } from './batch-folder.ts';

export interface StepSettings {
  registry: IotRegistry;
  folder: BatchFolder;
  stationId: string;
  thingType: string;
  policy: string;
  /** Carries the policy instead of each certificate. */
  thingGroup: string | undefined;
  /** Registered issuing CA; undefined: certificates are registered without one. */
  caPem: string | undefined;
  /** `arn:aws:iot:<region>:<account>:cert/`. */
  certificateArnPrefix: string;
}

/**
 * The effects of a board's later life, each safe to repeat. They run in the waves of `stepWaves`: the certificate is
 * registered INACTIVE and becomes ACTIVE last of all, when its finished bundle lies in `bundles/`. Whatever is
 * cut short leaves a certificate that opens nothing.
 */
export const steps: Record<BoardStep, (settings: StepSettings, board: BoardIssued) => Promise<void>> = {
  thing: ({ registry, thingType, stationId }, board) =>
    registry.createThing(deviceIdOf(board.serial), {
      type: thingType,
      attributes: thingAttributesOf(board, stationId),
    }),

  certificate: async ({ registry, folder, caPem }, board) => {
    const { leaf, issuer } = await chainOf(folder.staged(deviceIdOf(board.serial)), board);
    await registry.registerCertificate({
      id: board.certificate_id,
      pem: leaf,
      // Issued before a roll-over, it is registered under the CA that signed it.
      caPem: caPem === undefined ? undefined : (issuer ?? caPem),
    });
  },

  principal: ({ registry, certificateArnPrefix }, board) =>
    registry.attachThingPrincipal(deviceIdOf(board.serial), certificateArnPrefix + board.certificate_id),

  policy: ({ registry, certificateArnPrefix, policy, thingGroup }, board) =>
    thingGroup === undefined
      ? registry.attachPolicy(policy, certificateArnPrefix + board.certificate_id)
      : registry.addThingToThingGroup(deviceIdOf(board.serial), thingGroup),

  bundle: async ({ folder }, board) => {
    const deviceId = deviceIdOf(board.serial);
    // After a cut between the rename and the journal the bundle is there already.
    if (!(await exists(folder.staged(deviceId))) && (await exists(folder.bundle(deviceId)))) return;
    await renameDurably(folder.staged(deviceId), folder.bundle(deviceId));
  },

  active: ({ registry }, board) => registry.activateCertificate(board.certificate_id),
};

/** Steps of one wave do not wait for one another. */
export const stepWaves: readonly (readonly BoardStep[])[] = [
  ['thing', 'certificate'],
  ['principal', 'policy'],
  ['bundle'],
  ['active'],
];

/**
 * The certificate's id is among them, so that repeating CreateThing succeeds for this very issuance only: a board
 * that another station or batch made is a conflict.
 */
export function thingAttributesOf(board: BoardIssued, stationId: string): Record<string, string> {
  return {
    serial: board.serial,
    model: board.model,
    batch: board.batch_id,
    station: board.station_id ?? stationId,
    first_certificate_id: board.first_certificate_id ?? board.certificate_id,
  };
}

/** The certificate in a board's bundle, when it is the one that the journal has, and its issuer. */
export async function chainOf(
  bundle: string,
  board: BoardIssued,
): Promise<{ leaf: string; issuer: string | undefined }> {
  const path = join(bundle, bundleFiles.certificate);
  let leaf: X509Certificate;
  let issuer: X509Certificate | undefined;
  try {
    const chain = certificatesIn(await readFile(path, 'utf8'));
    if (!chain[0]) throw new RangeError('no certificate in it');
    [leaf, issuer] = [chain[0], chain[1]];
  } catch (error) {
    throw new Refusal(
      'journal',
      `The journal says that ${board.serial} was issued, but ${path} cannot be read; put the batch folder back.`,
      { cause: error },
    );
  }
  if (fingerprintOf(leaf) !== board.certificate_id) {
    throw new Refusal(
      'conflict',
      `${path} is not the certificate that the journal has for ${board.serial}; put the batch folder back.`,
    );
  }
  return { leaf: leaf.toString(), issuer: issuer?.toString() };
}
