import type { IngestionDependencies } from '../ingestion-service.ts';

/** For tests in which no board signs anything: no claim is known. */
export const noProofs: IngestionDependencies['proofs'] = {
  certificateFor: async () => undefined,
  knows: async () => false,
  take: () => Promise.reject(new Error('no claim is known here')),
};
