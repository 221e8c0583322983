import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { checkSlot, compareVersions, programFile } from './release.ts';
import type { Slot, SoftwareStore } from './software-store.ts';

/** A release that starts so often and does not show that it works is given up. */
export const mostStarts = 3;

export interface ChosenSoftware {
  slot: Slot;
  version: string;
  program: string;
  /** It has still to show that it works. */
  onTrial: boolean;
}

/**
 * Which agent to begin: a release on trial, else the one that counts; undefined for the installed one. The start is counted on disk before it is
 * made, so that a release that takes the whole machine down is given up, too. What the vendor has not signed is never begun.
 */
export async function chooseSoftware(
  store: SoftwareStore,
  options: { vendorKey: KeyObject; installedVersion: string; warn: (sentence: string) => void },
): Promise<ChosenSoftware | undefined> {
  const { vendorKey, installedVersion, warn } = options;
  const state = await store.read();
  const { trial } = state;
  if (trial !== undefined) {
    if (trial.starts >= mostStarts) {
      await store.rollBack(`It was started ${trial.starts} times and did not show that it works.`);
      warn(`Release ${trial.version} is given up after ${trial.starts} starts; the former agent goes on.`);
    } else {
      await store.write({ ...state, trial: { ...trial, starts: trial.starts + 1 } });
      const chosen = await checked(store, trial.slot, vendorKey, true);
      if (typeof chosen !== 'string') return chosen;
      await store.rollBack(`The release ${chosen}.`);
      warn(`Release ${trial.version} is given up: it ${chosen}.`);
    }
  }
  const { active } = state;
  if (active === undefined) return undefined;
  const chosen = await checked(store, active, vendorKey, false);
  if (typeof chosen === 'string') {
    warn(`The agent in slot ${active} ${chosen}; the installed one goes on.`);
    return undefined;
  }
  // A newer package was installed since.
  return compareVersions(chosen.version, installedVersion) < 0 ? undefined : chosen;
}

async function checked(
  store: SoftwareStore,
  slot: Slot,
  vendorKey: KeyObject,
  onTrial: boolean,
): Promise<ChosenSoftware | string> {
  const directory = store.slotDirectory(slot);
  const release = await checkSlot(directory, vendorKey);
  if (typeof release === 'string') return release;
  return { slot, version: release.version, program: join(directory, programFile), onTrial };
}
