import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BundleDescriptor, bundleFiles } from '@aovis/contracts/provisioning';
import type { Issued, IssueOptions, TestCa } from './test-pki.ts';

const serial = 'N4K-000123';
export const testThing = 'aovis-n4k-000123';

/** Writes a bundle as the factory does: directory 0700, files 0600. */
export async function writeBundle(
  directory: string,
  ca: TestCa,
  endpoints: BundleDescriptor['endpoints'] = { iot: 'localhost:8883', credentials: 'localhost:443' },
  certificate: IssueOptions = { commonName: testThing },
): Promise<Issued> {
  const board = await ca.issueClient(certificate);
  const descriptor: BundleDescriptor = {
    schema_version: 1,
    device_id: testThing,
    serial,
    model: 'n4k',
    region: 'eu-central-1',
    role_alias: 'aovis-board',
    stream: `aovis-stream-${testThing}`,
    channel: `aovis-webrtc-${testThing}`,
    endpoints,
  };
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o700);
  const contents = {
    [bundleFiles.descriptor]: JSON.stringify(descriptor),
    [bundleFiles.privateKey]: board.privateKey,
    [bundleFiles.certificate]: board.certificate,
    [bundleFiles.rootCa]: ca.certificate,
  };
  for (const [name, content] of Object.entries(contents))
    await writeFile(join(directory, name), content, { mode: 0o600 });
  return board;
}
