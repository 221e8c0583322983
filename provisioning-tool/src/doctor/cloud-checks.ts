import { boardCalls, originWords, readQuotas } from '../batch/call-quotas.ts';
import { checkCloud, checkRegisteredCa } from '../batch/preflight.ts';
import { type FactoryCa, fingerprintOf } from '../ca/ca-store.ts';
import { CloudFailure, type IotRegistry } from '../cloud/iot-registry.ts';
import type { IotUpkeep } from '../cloud/iot-upkeep.ts';
import type { Config } from '../config.ts';
import type { StationRequests } from '../handover/station-requests.ts';
import type { JournalState } from '../journal/journal-state.ts';
import { messageOf, Refusal } from '../refusal.ts';
import { type Check, Warning } from './check.ts';

export interface CloudParts {
  config: Config;
  registry: IotRegistry;
  upkeep: IotUpkeep;
  ca: () => Promise<FactoryCa>;
  state: () => Promise<JournalState>;
  /** Undefined when no backend is configured. */
  requests: () => Promise<StationRequests | undefined>;
  now: () => number;
  signal: AbortSignal;
}

/** SigV4 refuses requests that are more than five minutes off; half a minute already says that nobody sets the clock. */
const mostSkewMs = 5 * 60_000;
const noticeableSkewMs = 30_000;

/** No thing, certificate or type of ours has such a name: what is asked of it has no effect. */
const nobody = 'aovis-doctor-000000';
const nothing = '0'.repeat(64);

/** What can be checked by asking AWS IoT and the backend. Nothing is changed. */
export function cloudChecks(parts: CloudParts): Check[] {
  const { config, registry, ca, state } = parts;
  const controlUrl = config.iot_control_url ?? `https://iot.${config.region}.amazonaws.com`;
  return [
    { name: 'clock', run: () => checkClock(parts, config.backend_url ?? controlUrl) },
    {
      name: 'aws',
      run: async () => `boards connect to ${(await registry.endpoints()).iot}`,
    },
    {
      name: 'account',
      needs: ['aws'],
      run: async () => {
        await checkCloud(registry, config);
        return `policy ${config.policy}, thing type ${config.thing_type}, role alias ${config.role_alias}`;
      },
    },
    {
      name: 'registered ca',
      needs: ['aws', 'ca', 'journal'],
      run: async () => {
        const factoryCa = await ca();
        const sha256 = fingerprintOf(factoryCa.issuing);
        const pem = await checkRegisteredCa(registry, config, factoryCa, sha256, await state());
        return pem === undefined ? 'not needed (certificate_registration without-ca)' : 'ACTIVE';
      },
    },
    { name: 'permissions', needs: ['account'], run: () => checkPermissions(parts) },
    { name: 'quotas', needs: ['aws'], run: () => checkQuotas(parts) },
    { name: 'backend', needs: ['station'], run: () => checkBackend(parts) },
  ];
}

async function checkClock({ now, signal, config }: CloudParts, url: string): Promise<string> {
  let date: string | null;
  try {
    const timeout = AbortSignal.timeout(config.request_timeout_ms);
    date = (await fetch(url, { method: 'HEAD', signal: AbortSignal.any([signal, timeout]) })).headers.get(
      'date',
    );
  } catch (cause) {
    throw new Refusal('partial', `${url} does not answer (${messageOf(cause)}); check the network.`, {
      cause,
    });
  }
  if (date === null) throw new Warning(`${url} does not say what time it is`);
  const skewMs = now() - Date.parse(date);
  const sentence = `this computer's clock is ${Math.round(Math.abs(skewMs) / 1_000)} s ${skewMs > 0 ? 'ahead' : 'behind'}`;
  if (Math.abs(skewMs) > mostSkewMs)
    throw new Refusal('credentials', `${sentence}: AWS and the backend refuse what it signs; set it (NTP).`);
  if (Math.abs(skewMs) > noticeableSkewMs) throw new Warning(`${sentence}; set it (NTP)`);
  return 'agrees with the network';
}

/**
 * Calls each operation on what does not exist: IAM decides before AWS looks, so «not found» and «not valid» mean that it
 * may be called, and nothing happens.
 */
async function checkPermissions({ config, registry, upkeep }: CloudParts): Promise<string> {
  const prefix = (await registry.findPolicyArn(config.policy))?.replace(/policy\/.*$/, 'cert/') ?? '';
  const arn = prefix + nothing;
  const group = config.thing_group;
  const probes: [operation: string, () => Promise<unknown>][] = [
    ['CreateThing', () => registry.createThing(nobody, { type: nobody, attributes: {} })],
    ['DescribeThing', () => registry.findThing(nobody)],
    [
      'RegisterCertificate',
      () =>
        registry.registerCertificate({
          id: nothing,
          pem: 'no certificate',
          caPem: config.certificate_registration === 'ca' ? 'no certificate' : undefined,
        }),
    ],
    ['DescribeCertificate', () => registry.findCertificate(nothing)],
    ['UpdateCertificate', () => registry.activateCertificate(nothing)],
    ['AttachThingPrincipal', () => registry.attachThingPrincipal(nobody, arn)],
    group === undefined
      ? ['AttachPolicy', () => registry.attachPolicy(config.policy, arn)]
      : ['AddThingToThingGroup', () => registry.addThingToThingGroup(nobody, group)],
    ['ListThings', () => first(upkeep.thingsWith('batch', nobody))],
    ['ListThingPrincipals', () => upkeep.principalsOf(nobody)],
    ['ListTargetsForPolicy', () => first(upkeep.targetsOf(config.policy))],
    ['ListAttachedPolicies', () => upkeep.policiesOf(arn)],
    ['UpdateThing', () => upkeep.updateThing(nobody, { batch: nobody })],
    ['DetachThingPrincipal', () => upkeep.detachThingPrincipal(nobody, arn)],
    ['DetachPolicy', () => upkeep.detachPolicy(config.policy, arn)],
    ['DeleteCertificate', () => upkeep.deleteCertificate(nothing)],
    ['DeleteThing', () => upkeep.deleteThing(nobody)],
  ];
  const refused: string[] = [];
  for (const [operation, probe] of probes) if (!(await isAllowed(probe))) refused.push(operation);
  if (refused.length === 0) return `${probes.length} operations may be called`;
  throw new Refusal(
    'credentials',
    'AWS does not allow what boards take; add the permissions (README, «Least permissions»).',
    { details: refused.map((operation) => `iot:${operation} is not allowed`) },
  );
}

async function isAllowed(probe: () => Promise<unknown>): Promise<boolean> {
  try {
    await probe();
    return true;
  } catch (error) {
    if (!(error instanceof CloudFailure) || error.kind === 'unavailable') throw error;
    return error.kind !== 'credentials';
  }
}

async function first(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items) return;
}

/** A board makes each of these calls once, so the slowest decides. */
async function checkQuotas({ config, signal }: CloudParts): Promise<string> {
  const { of, unread } = await readQuotas(config, signal);
  const quotas = boardCalls(config).map(([operation]) => ({ operation, ...of[operation] }));
  const seconds = 1_000 / Math.min(...quotas.map(({ callsPerSecond }) => callsPerSecond));
  const line =
    quotas
      .map(
        ({ operation, callsPerSecond, origin }) =>
          `${operation} ${callsPerSecond}/s (${originWords[origin]})`,
      )
      .join(', ') + `: 1,000 boards in ${Math.ceil(seconds)} s`;
  if (unread?.failed) throw new Warning(`${line}. ${unread.sentence}`);
  return unread ? `${line}. ${unread.sentence}` : line;
}

async function checkBackend({ requests, config }: CloudParts): Promise<string> {
  const station = await requests();
  if (!station) throw new Warning('none is configured (backend_url): manifests are written as files only');
  await station.knowsUs();
  return `${config.backend_url} knows this station`;
}
