import { NodeDataChannelLibrary } from './node-datachannel-library.ts';
import { describePeerLibrary } from './testing/describe-peer-library.ts';

describePeerLibrary(
  'node-datachannel',
  async () => new NodeDataChannelLibrary(await import('node-datachannel')),
);
