import { expect, it } from '@jest/globals';
import { decideRow, type KnownBoard, type ManifestRow } from './manifest-rules.ts';

const device: ManifestRow['device'] = {
  device_id: 'aovis-n4k-000001',
  serial: 'N4K-000001',
  model: 'n4k',
  certificate_id: 'a'.repeat(64),
  activation_code_digest: 'b'.repeat(64),
  code_epoch: 2,
  iccid: '8944500102198304826',
};
const { activation_code_digest: _digest, ...without } = device;
const keeper = { ...without, activation_code: 'printed' as const, code_epoch: 1 };
const known: KnownBoard = {
  certificateId: device.certificate_id,
  handedOverCertificateId: undefined,
  codeEpoch: 2,
  sameCode: true,
  iccid: device.iccid,
  revoked: false,
};
const row: ManifestRow = {
  device,
  known,
  certificateHolder: device.device_id,
  iccidHolder: device.device_id,
};
const conflict = (reason: string) => ({ device_id: device.device_id, result: 'conflict', reason });

it.each([
  ['a new board', { known: undefined, certificateHolder: undefined, iccidHolder: undefined }, 'accepted'],
  ['the same again', {}, 'unchanged'],
  [
    'the same again of a board that has another certificate by a job since',
    {
      known: { ...known, certificateId: 'c'.repeat(64), handedOverCertificateId: device.certificate_id },
      certificateHolder: undefined,
    },
    'unchanged',
  ],
  ['the same without its SIM', { device: { ...device, iccid: undefined } }, 'unchanged'],
  [
    'a SIM for a board that had none',
    { known: { ...known, iccid: undefined }, iccidHolder: undefined },
    'accepted',
  ],
  ['a re-issued code', { known: { ...known, codeEpoch: 1, sameCode: false } }, 'accepted'],
  [
    'a re-issued code with a new certificate',
    { known: { ...known, codeEpoch: 1, certificateId: 'c'.repeat(64) }, certificateHolder: undefined },
    'accepted',
  ],
  [
    'a board registered without code',
    { known: { ...known, codeEpoch: 0, certificateId: undefined } },
    'accepted',
  ],
  [
    'the first certificate of a board with an old label',
    { device: keeper, known: { ...known, codeEpoch: 1, certificateId: undefined } },
    'accepted',
  ],
  ['the same again of that', { device: keeper, known: { ...known, codeEpoch: 1 } }, 'unchanged'],
])('%s is %j', (_, change, result) => {
  expect(decideRow({ ...row, ...change } as ManifestRow)).toEqual({ device_id: device.device_id, result });
});

it.each([
  ['an older code', { known: { ...known, codeEpoch: 3 } }, 'code_epoch_older'],
  ['another code in the same epoch', { known: { ...known, sameCode: false } }, 'code_differs'],
  [
    'another certificate in the same epoch',
    { known: { ...known, certificateId: 'c'.repeat(64) }, certificateHolder: undefined },
    'certificate_differs',
  ],
  [
    'a third certificate for a board that has another one by a job',
    {
      known: { ...known, certificateId: 'c'.repeat(64), handedOverCertificateId: 'd'.repeat(64) },
      certificateHolder: undefined,
    },
    'certificate_differs',
  ],
  ['an old label that nobody knows', { device: keeper, known: undefined }, 'code_missing'],
  [
    'an old label whose code is not on record',
    { device: keeper, known: { ...known, codeEpoch: 0, sameCode: false, certificateId: undefined } },
    'code_missing',
  ],
  ['an old label that was replaced', { device: keeper }, 'code_epoch_older'],
  [
    'an old label on a board with another certificate',
    {
      device: keeper,
      known: { ...known, codeEpoch: 1, certificateId: 'c'.repeat(64) },
      certificateHolder: undefined,
    },
    'certificate_differs',
  ],
  ['another SIM', { known: { ...known, iccid: '8944500102198304834' } }, 'iccid_differs'],
  ['a new code for a revoked board', { known: { ...known, codeEpoch: 1, revoked: true } }, 'device_revoked'],
  ['the certificate of another board', { certificateHolder: 'aovis-n4k-000002' }, 'certificate_in_use'],
  ['the SIM of another board', { iccidHolder: 'aovis-n4k-000002' }, 'iccid_in_use'],
])('%s is refused', (_, change, reason) => {
  expect(decideRow({ ...row, ...change })).toEqual(conflict(reason));
});
