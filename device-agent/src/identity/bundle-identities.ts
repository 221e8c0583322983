import { BoardIdentity, readIdentity } from './board-identity.ts';
import type { Bundle } from './bundle.ts';
import { checkFile } from './file-modes.ts';
import { IdentityStore } from './identity-store.ts';

/** Which identities the bundle holds, and by which the board speaks. */
export interface BundleIdentities {
  store: IdentityStore;
  identity: BoardIdentity;
}

/** `bundle` was loaded from `directory`, by the identity that counts. */
export async function openIdentities(directory: string, bundle: Bundle): Promise<BundleIdentities> {
  const store = await IdentityStore.open(directory);
  const { candidate } = store;
  if (candidate?.phase !== 'verified') return { store, identity: new BoardIdentity(bundle) };
  // The cloud may know the end of the rotation already, and the board not.
  const paths = store.pathsOf(candidate.directory);
  for (const path of Object.values(paths)) await checkFile(path);
  const verified = await readIdentity(paths);
  return { store, identity: new BoardIdentity(verified, bundle) };
}
