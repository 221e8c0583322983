import type { ManifestDeviceResult } from '@aovis/contracts/http/factory';

type Reason = NonNullable<ManifestDeviceResult['reason']>;

const sentences: Record<Reason, string> = {
  code_epoch_older: 'the backend has a newer activation code of it',
  code_differs:
    'the backend has it with another activation code: it was provisioned before, or its label is of an old system',
  code_missing: 'the backend has no code of its label',
  certificate_differs:
    'the backend has it with another certificate, which it has not renewed in the field: it was provisioned before; ' +
    '«aovis-provision batch reconcile» shows which one counts',
  iccid_differs: 'the backend has it with another SIM card',
  device_revoked: 'it was revoked at the backend',
  certificate_in_use: 'the backend has its certificate at another board',
  iccid_in_use: 'the backend has its SIM card at another board',
};

/** Why the backend does not take a board, for the operator. */
export function conflictSentence({ device_id, reason }: ManifestDeviceResult): string {
  return `${device_id}: ${reason ? sentences[reason] : 'the backend does not take it as it is'}`;
}

const removal = 'correct or remove its row';
const otherAdvice: Partial<Record<Reason, string>> = {
  code_differs: `${removal}, or let it keep that label with --printed-codes`,
  code_missing: `have the codes of the old system imported there (label import), or ${removal}`,
};

/** What the operator does about it before anything was done. */
export function conflictAdvice({ reason }: ManifestDeviceResult): string {
  return (reason && otherAdvice[reason]) ?? removal;
}
