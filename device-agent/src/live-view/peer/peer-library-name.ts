/** `auto`: the native one where the board has it, else the one that runs everywhere. */
export const peerLibraryNames = ['auto', 'node-datachannel', 'werift'] as const;
export type PeerLibraryName = (typeof peerLibraryNames)[number];
