import { X509Certificate } from 'node:crypto';
import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFiles } from '@aovis/contracts/provisioning';
import {
  type BundleFiles,
  type CertificateChain,
  checkChain,
  checkKey,
  readBundleFiles,
} from '../../identity/bundle.ts';
import { checkClockAndValidity } from '../../identity/clock-sanity.ts';
import { isCode } from '../../status/status-client.ts';
import { Finding, type Learned } from './examination.ts';

/** Complete, closed to others, readable, all of one user; and a state directory that this user can write, if there is one. */
export async function lookAtFiles(bundle: string, state: string): Promise<Learned<BundleFiles>> {
  const files = await readBundleFiles(bundle);
  await checkOwner(bundle);
  const stateDetail = await lookAtState(state);
  return { value: files, detail: `the bundle ${bundle} is complete and closed to others; ${stateDetail}` };
}

/** Root can read what the agent's own user cannot: files copied by root into the user's directory stay root's. */
async function checkOwner(bundle: string): Promise<void> {
  const { uid } = await stat(bundle);
  for (const name of Object.values(bundleFiles)) {
    const path = join(bundle, name);
    if ((await stat(path)).uid !== uid)
      throw new Finding(
        `${path} does not belong to the user that owns ${bundle}: the agent may not be able to read it. Type: ` +
          `chown -R --reference='${bundle}' '${bundle}'`,
      );
  }
}

async function lookAtState(state: string): Promise<string> {
  try {
    await access(state, constants.R_OK | constants.W_OK | constants.X_OK);
    return `the state directory ${state} can be written`;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return `the state directory ${state} is made at the first start`;
    throw new Finding(
      `The state directory ${state} cannot be read and written by this user: run the doctor as the user the agent ` +
        'runs as (sudo -u USER), and give the directory to that user (chown).',
    );
  }
}

export async function lookAtKey(files: BundleFiles): Promise<Learned<CertificateChain>> {
  return {
    value: checkKey(files),
    detail: `${bundleFiles.privateKey} is the key of ${bundleFiles.certificate}`,
  };
}

export async function lookAtChain(files: BundleFiles, chain: CertificateChain): Promise<Learned<void>> {
  checkChain(chain);
  const root = new X509Certificate(files.rootCa);
  if (!root.ca)
    throw new Finding(
      `${bundleFiles.rootCa} holds no certificate of an authority but one of ${root.subject.replaceAll('\n', ', ')}: ` +
        "put the cloud's root certificate there (for AWS: Amazon Root CA 1).",
    );
  const [leaf] = chain;
  return {
    value: undefined,
    detail: `${chain.length} certificate${chain.length === 1 ? '' : 's'}, issued by ${oneLine(leaf.issuer)}`,
  };
}

const oneLine = (name: string): string => name.replaceAll('\n', ', ');

export async function lookAtClock(
  now: number,
  [leaf]: CertificateChain,
  builtAt: number,
): Promise<Learned<void>> {
  const validity = { notBefore: new Date(leaf.validFrom), notAfter: new Date(leaf.validTo) };
  checkClockAndValidity(now, validity, builtAt);
  return {
    value: undefined,
    detail:
      `the clock says ${new Date(now).toISOString().slice(0, 19)}Z; the certificate is valid until ` +
      validity.notAfter.toISOString().slice(0, 10),
  };
}
