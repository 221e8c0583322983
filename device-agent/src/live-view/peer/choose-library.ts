import type { Logger } from '../../host/logger.ts';
import { NodeDataChannelLibrary } from './node-datachannel-library.ts';
import type { PeerLibrary } from './peer-library.ts';
import type { PeerLibraryName } from './peer-library-name.ts';
import { WeriftLibrary } from './werift-library.ts';

/**
 * Loads a library when the first viewer comes: werift alone takes 30 MiB, and most boards have no viewer most of the time.
 * Rejects when the one asked for is not there.
 */
export async function loadPeerLibrary(wanted: PeerLibraryName, logger: Logger): Promise<PeerLibrary> {
  if (wanted !== 'werift') {
    try {
      return new NodeDataChannelLibrary(await import('node-datachannel'));
    } catch (error) {
      if (wanted === 'node-datachannel') throw error;
      logger.info('node-datachannel has no build here; live view runs on werift, which takes more CPU.');
    }
  }
  return new WeriftLibrary(await import('werift'));
}
