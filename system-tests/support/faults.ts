import { admin } from '@aovis/simulator/cloud-setup';
import type { Endpoints } from '@aovis/simulator/endpoints';

/** A fault rule of local-cloud's admin surface (local-cloud/src/admin/README.md). */
export interface FaultRule {
  service: 'iot-core' | 'iot-data' | 'iot-broker' | 'credential-provider' | 'kinesis-video' | 'mail';
  operation?: string;
  subject?: string;
  effect:
    | { kind: 'error'; status: number; code: string }
    | { kind: 'delay'; ms: number }
    | { kind: 'lose-answer' }
    | { kind: 'drop' }
    | { kind: 'custom'; name: string; value?: unknown };
  times?: number;
}

export async function addFault(endpoints: Endpoints, rule: FaultRule): Promise<string> {
  const { id } = (await admin(endpoints, 'POST', '/_local/faults', rule)) as { id: string };
  return id;
}

/** The ids of the faults that are not used up. */
export async function pendingFaults(endpoints: Endpoints): Promise<string[]> {
  const { faults } = (await admin(endpoints, 'GET', '/_local/faults')) as { faults: { id: string }[] };
  return faults.map(({ id }) => id);
}

/** Ends a fault before it is used up. */
export async function removeFault(endpoints: Endpoints, id: string): Promise<void> {
  await admin(endpoints, 'DELETE', `/_local/faults/${id}`);
}
