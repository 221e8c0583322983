import { channelNameOf, deviceIdOf, streamNameOf } from '@aovis/contracts/ids';
import { type BundleDescriptor, bundleDescriptorSchema, bundleFiles } from '@aovis/contracts/provisioning';
import type { BoardRow } from './boards-csv.ts';

/** What all bundles of a run have in common. */
export interface BundleSettings {
  region: string;
  roleAlias: string;
  endpoints: BundleDescriptor['endpoints'];
  rootCaPem: string;
  /** Issuer of the board certificates; follows the leaf in `device.crt`. */
  issuingCaPem: string;
}

/** The files of a board (contracts, `provisioning`), by name; without the key where it never left the board. */
export function bundleOf(
  board: BoardRow,
  identity: { privateKeyPem: string | undefined; certificatePem: string },
  settings: BundleSettings,
): Record<string, string> {
  const deviceId = deviceIdOf(board.serial);
  const descriptor = bundleDescriptorSchema.parse({
    schema_version: 1,
    device_id: deviceId,
    serial: board.serial,
    model: board.model,
    region: settings.region,
    role_alias: settings.roleAlias,
    stream: streamNameOf(deviceId),
    channel: channelNameOf(deviceId),
    endpoints: settings.endpoints,
  });
  return {
    [bundleFiles.descriptor]: `${JSON.stringify(descriptor, undefined, 2)}\n`,
    ...(identity.privateKeyPem === undefined ? {} : { [bundleFiles.privateKey]: identity.privateKeyPem }),
    [bundleFiles.certificate]: identity.certificatePem + settings.issuingCaPem,
    [bundleFiles.rootCa]: settings.rootCaPem,
  };
}
