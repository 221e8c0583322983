import { X509Certificate } from 'node:crypto';
import type { IotRegistry, ThingDescription } from '../../cloud/iot-registry.ts';
import type { IotUpkeep } from '../../cloud/iot-upkeep.ts';
import type { Finding } from './finding.ts';
import type { RegistryView } from './registry-view.ts';

/** A certificate this young may be of a board that another station is making right now. */
const settledAfterMs = 24 * 60 * 60 * 1_000;

export interface OrphanCheck {
  view: RegistryView;
  registry: IotRegistry;
  upkeep: IotUpkeep;
  stationId: string;
  /** Ids of all certificates that the journal ever named, in any batch. */
  knownCertificates: ReadonlySet<string>;
  /** Device ids of all boards in the journal. */
  isKnownDevice(deviceId: string): boolean;
  certificateArnPrefix: string;
  now: number;
}

/**
 * Certificates of our CA, and things of this batch, that the journal does not know. Those of other stations that share
 * the CA are theirs: the attribute `station` of the thing says so.
 */
export async function findOrphans(check: OrphanCheck): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [id, { status, createdAtMs }] of check.view.certificates) {
    if (check.knownCertificates.has(id) || status === 'REVOKED') continue;
    findings.push(...(await orphanCertificate(check, id, status, createdAtMs)));
  }
  for (const [name, thing] of check.view.things)
    if (!check.isKnownDevice(name) && thing.attributes['station'] === check.stationId)
      findings.push(await orphanThing(check, name));
  return findings;
}

async function orphanCertificate(
  check: OrphanCheck,
  id: string,
  status: string,
  createdAtMs: number | undefined,
): Promise<Finding[]> {
  const { registry, upkeep, stationId, certificateArnPrefix, now } = check;
  const certificate = await registry.findCertificate(id);
  if (!certificate) return [];
  const thingName = new X509Certificate(certificate.pem).subject.replace(/^CN=/, '');
  const thing = await registry.findThing(thingName);
  if (isOfAnotherStation(thing, stationId, id)) return [];
  const principals = thing ? await upkeep.principalsOf(thingName) : [];
  const isAttached = principals.includes(certificateArnPrefix + id);
  const problem = `a certificate of our CA for ${thingName} that the journal does not know is ${status} at AWS IoT`;
  if (isAttached && check.isKnownDevice(thingName))
    return [
      {
        subject: id,
        problem,
        advice: `the board may have got it in the field; if not: aovis-provision device revoke ${thingName.slice('aovis-'.length).toUpperCase()}`,
      },
    ];
  // Its line was in a journal that lost its end: the board may be at a customer.
  if (status === 'ACTIVE' && isAttached && thing?.attributes['station'] === stationId)
    return [
      {
        subject: id,
        problem,
        advice:
          'this station made its board: put the journal back that knows it; if nobody has the board, make it INACTIVE by hand',
      },
    ];
  if (status === 'ACTIVE')
    return [
      {
        subject: id,
        problem,
        repair: {
          does: 'make it INACTIVE: it then opens nothing',
          run: () => upkeep.setCertificateStatus(id, 'INACTIVE'),
        },
      },
    ];
  if (createdAtMs === undefined || now - createdAtMs < settledAfterMs)
    return [{ subject: id, problem, advice: 'leave it for a day: another station may be at work on it' }];
  const remove = async () => {
    for (const policy of await upkeep.policiesOf(certificateArnPrefix + id))
      await upkeep.detachPolicy(policy, certificateArnPrefix + id);
    if (isAttached) await upkeep.detachThingPrincipal(thingName, certificateArnPrefix + id);
    await upkeep.deleteCertificate(id);
  };
  return [{ subject: id, problem, repair: { does: 'delete it: it opens nothing', run: remove } }];
}

/** Somebody else's: another station made the thing, or the thing was made for this very certificate. */
function isOfAnotherStation(
  thing: ThingDescription | undefined,
  stationId: string,
  certificateId: string,
): boolean {
  if (!thing) return false;
  const { station, first_certificate_id: first } = thing.attributes;
  return station !== stationId && (station !== undefined || first === certificateId);
}

async function orphanThing({ upkeep }: OrphanCheck, name: string): Promise<Finding> {
  const problem = 'is a thing of this batch and station at AWS IoT, and the journal does not know the board';
  if ((await upkeep.principalsOf(name)).length > 0)
    return {
      subject: name,
      problem,
      advice: 'it has certificates: put the journal back that knows it, or delete them by hand',
    };
  return {
    subject: name,
    problem,
    repair: { does: 'delete it: it has no certificate', run: () => upkeep.deleteThing(name) },
  };
}
