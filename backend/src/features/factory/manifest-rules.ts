import type { ManifestDeviceResult } from '@aovis/contracts/http/factory';
import type { ManifestDevice } from '@aovis/contracts/provisioning';
import { sameIccid } from '../sim/iccid.ts';

/** A board as the backend knows it, with the code's digest only as a comparison that was made already. */
export interface KnownBoard {
  certificateId: string | undefined;
  /** With which it was handed over, once it has another one by a job. */
  handedOverCertificateId: string | undefined;
  /** 0 before the first manifest. */
  codeEpoch: number;
  /** Whether the stored hash is that of the manifest's digest, or there is one and the manifest leaves it as it is. */
  sameCode: boolean;
  iccid: string | undefined;
  /** Revoked or retired. */
  revoked: boolean;
}

export interface ManifestRow {
  device: ManifestDevice;
  known: KnownBoard | undefined;
  /** Other boards that hold what this one claims. */
  certificateHolder: string | undefined;
  iccidHolder: string | undefined;
}

/**
 * What becomes of one board. A higher code epoch is a re-issue: it replaces the code, and the certificate with it
 * where that changed. Within one epoch nothing may change but a SIM card that was not on record yet, and the first
 * certificate of a board that keeps the code of its old label. A board that has got another certificate by a job since goes on under
 * the one it was handed over with: the station says nothing new.
 */
export function decideRow({
  device,
  known,
  certificateHolder,
  iccidHolder,
}: ManifestRow): ManifestDeviceResult {
  const answer = (
    result: ManifestDeviceResult['result'],
    reason?: ManifestDeviceResult['reason'],
  ): ManifestDeviceResult => ({ device_id: device.device_id, result, ...(reason && { reason }) });

  if (isOther(certificateHolder, device)) return answer('conflict', 'certificate_in_use');
  if (isOther(iccidHolder, device)) return answer('conflict', 'iccid_in_use');
  const keepsCode = device.activation_code === 'printed';
  if (keepsCode && (known?.codeEpoch ?? 0) === 0) return answer('conflict', 'code_missing');
  if (known === undefined) return answer('accepted');
  if (known.revoked) return answer('conflict', 'device_revoked');
  if (device.code_epoch < known.codeEpoch) return answer('conflict', 'code_epoch_older');
  if (known.iccid !== undefined && device.iccid !== undefined && !sameIccid(known.iccid, device.iccid))
    return answer('conflict', 'iccid_differs');
  if (device.code_epoch > known.codeEpoch && !keepsCode) return answer('accepted');
  if (!known.sameCode) return answer('conflict', 'code_differs');
  if (keepsCode && known.certificateId === undefined) return answer('accepted');
  const { certificateId, handedOverCertificateId } = known;
  if (![certificateId, handedOverCertificateId].includes(device.certificate_id))
    return answer('conflict', 'certificate_differs');
  const newSim = known.iccid === undefined && device.iccid !== undefined;
  return answer(newSim ? 'accepted' : 'unchanged');
}

function isOther(holder: string | undefined, device: ManifestDevice): boolean {
  return holder !== undefined && holder !== device.device_id;
}
