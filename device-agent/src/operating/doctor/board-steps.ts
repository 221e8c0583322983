import { X509Certificate } from 'node:crypto';
import { access, constants, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { bundleFiles } from '@aovis/contracts/provisioning';
import type { Clock } from '../../host/clock.ts';
import { freeBytesAt } from '../../host/state-directory.ts';
import {
  type BundleFiles,
  type CertificateChain,
  checkChain,
  checkKey,
  readBundleFiles,
} from '../../identity/bundle.ts';
import { isCode } from '../../status/status-client.ts';
import { type ClockAtStart, checkClockAtStart } from '../../timekeeping/clock-at-start.ts';
import { judgeClock } from '../../timekeeping/clock-verdict.ts';
import type { AskTheTime } from '../../timekeeping/time-answer.ts';
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

/** With less than this the agent's small files can no longer be replaced: settings, answers, whose the board is. */
const leastFreeBytes = 256 * 1024;

/**
 * `mayUse` asks what {@link access} of Node.js does: whether this user has these rights to a path; `freeBytes` how much
 * the disk under it takes yet, if that is known.
 */
export async function lookAtState(
  state: string,
  mayUse: typeof access = access,
  freeBytes: typeof freeBytesAt = freeBytesAt,
): Promise<string> {
  try {
    await mayUse(state, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return await lookWhereStateIsMade(state, mayUse);
    throw new Finding(
      `The state directory ${state} cannot be read and written by this user: run the doctor as the user the agent ` +
        'runs as (sudo -u USER), and give the directory to that user (chown).',
    );
  }
  const free = freeBytes(state);
  if (free !== undefined && free < leastFreeBytes)
    throw new Finding(
      `The disk of the state directory ${state} is full (${Math.floor(free / 1024)} KiB free): the agent keeps neither ` +
        `messages nor settings there. Remove what fills it; df -h '${state}' names the disk.`,
    );
  return `the state directory ${state} can be written`;
}

/** Nothing is made here: the doctor changes nothing, so it asks of the nearest directory that is there. */
async function lookWhereStateIsMade(state: string, mayUse: typeof access): Promise<string> {
  const parent = await nearestExisting(dirname(resolve(state)));
  try {
    await mayUse(parent, constants.W_OK | constants.X_OK);
    return `the state directory ${state} is made at the first start`;
  } catch {
    throw new Finding(
      `The state directory ${state} does not exist, and this user may not make it in ${parent}: make it and give it to the ` +
        'user the agent runs as (mkdir, chown), or name another with --state DIR (or AOVIS_AGENT_STATE).',
    );
  }
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    return isCode(error, 'ENOENT') ? await nearestExisting(dirname(path)) : path;
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
  const [leaf, issuer] = chain;
  if (issuer === undefined && !isIssuedByCloud(leaf, root))
    throw new Finding(
      `${bundleFiles.certificate} holds the certificate of the board alone, without that of its issuer (${oneLine(leaf.issuer)}), ` +
        'which the cloud has no other way to learn. Put it behind the board’s in the same file, or copy the bundle again: ' +
        `cat ${bundleFiles.certificate} issuing-ca.pem > both.pem && mv both.pem ${bundleFiles.certificate} && chmod 600 ${bundleFiles.certificate}`,
    );
  return {
    value: undefined,
    detail: `${chain.length} certificate${chain.length === 1 ? '' : 's'}, issued by ${oneLine(leaf.issuer)}`,
  };
}

/**
 * AWS IoT's own certificates bear this issuer (AWS IoT Core Developer Guide, "X.509 client certificates"); those of stand-ins bear the
 * authority that their servers have, too. Of all others a cloud that registers boards at their first connection learns the issuer from the board
 * ("Just-in-time registration").
 */
function isIssuedByCloud(leaf: X509Certificate, root: X509Certificate): boolean {
  const byStandIn = leaf.checkIssued(root) && leaf.verify(root.publicKey);
  return byStandIn || /\bO\\?=Amazon\.com Inc\./.test(leaf.issuer);
}

const oneLine = (name: string): string => name.replaceAll('\n', ', ');

export interface ClockStep {
  clock: Pick<Clock, 'now' | 'monotonic'>;
  chain: CertificateChain;
  builtAt: number;
  ask: AskTheTime;
}

/** By itself, and beside the cloud's, if that can be asked; why it cannot, the steps after this one find. */
export async function lookAtClock({ clock, chain: [leaf], builtAt, ask }: ClockStep): Promise<Learned<void>> {
  const validity = { notBefore: new Date(leaf.validFrom), notAfter: new Date(leaf.validTo) };
  await checkClockAtStart({ clock, validity, builtAt, ask });
  const beside = await lookBesideTheCloud({ clock, validity, builtAt, ask });
  return {
    value: undefined,
    detail:
      `the clock says ${new Date(clock.now()).toISOString().slice(0, 19)}Z, ${beside}; the certificate is valid until ` +
      validity.notAfter.toISOString().slice(0, 10),
  };
}

async function lookBesideTheCloud({ clock, validity, builtAt, ask }: ClockAtStart): Promise<string> {
  const answer = await ask().catch(() => undefined);
  if (answer === undefined) return 'the cloud could not be asked for the time';
  const at = { now: clock.now(), monotonic: clock.monotonic() };
  const verdict = judgeClock({ ...at, answer, validity, builtAt });
  if (verdict.kind !== 'right') throw new Finding(verdict.sentence);
  return `${Math.round(Math.abs(verdict.offsetMs) / 1_000)} s from what ${answer.from} says`;
}
