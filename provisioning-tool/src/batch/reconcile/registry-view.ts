import { deviceIdOf } from '@aovis/contracts/ids';
import type { IotRegistry, ThingDescription } from '../../cloud/iot-registry.ts';
import type { IotUpkeep } from '../../cloud/iot-upkeep.ts';
import type { BoardIssued } from '../../journal/records.ts';

export interface RegistrySources {
  registry: IotRegistry;
  upkeep: IotUpkeep;
  batchId: string;
  /** Our CAs at AWS; none when certificates are registered without one: then each is asked for. */
  caIds: readonly string[];
  policy: string;
  thingGroup: string | undefined;
}

interface Certificate {
  status: string;
  createdAtMs: number | undefined;
}

/**
 * What AWS IoT has, read by lists where it can be: a list gives 250 boards a call, and describing them one by one takes
 * 10,000 boards a quarter of an hour at the default quota.
 */
export class RegistryView {
  readonly #sources: RegistrySources;
  /** By id; of all our CAs. */
  readonly certificates: ReadonlyMap<string, Certificate>;
  /** By name; those of the batch. */
  readonly things: ReadonlyMap<string, ThingDescription>;
  /** ARNs of certificates with the policy, or names of things in the group that carries it. */
  readonly #authorised: ReadonlySet<string>;

  private constructor(
    sources: RegistrySources,
    certificates: ReadonlyMap<string, Certificate>,
    things: ReadonlyMap<string, ThingDescription>,
    authorised: ReadonlySet<string>,
  ) {
    this.#sources = sources;
    this.certificates = certificates;
    this.things = things;
    this.#authorised = authorised;
  }

  static async read(sources: RegistrySources): Promise<RegistryView> {
    const { upkeep, batchId, caIds, policy, thingGroup } = sources;
    const certificates = new Map<string, Certificate>();
    const things = new Map<string, ThingDescription>();
    const authorised = new Set<string>();
    const readCertificates = async () => {
      for (const caId of caIds)
        for await (const { id, ...certificate } of upkeep.certificatesOfCa(caId))
          certificates.set(id, certificate);
    };
    const readThings = async () => {
      for await (const { name, ...thing } of upkeep.thingsWith('batch', batchId)) things.set(name, thing);
    };
    const readAuthorised = async () => {
      const names = thingGroup === undefined ? upkeep.targetsOf(policy) : upkeep.thingsIn(thingGroup);
      for await (const name of names) authorised.add(name);
    };
    await Promise.all([readCertificates(), readThings(), readAuthorised()]);
    return new RegistryView(sources, certificates, things, authorised);
  }

  /** Undefined when AWS does not have it. */
  async findStatus(certificateId: string): Promise<string | undefined> {
    const listed = this.certificates.get(certificateId);
    if (listed || this.#sources.caIds.length > 0) return listed?.status;
    return (await this.#sources.registry.findCertificate(certificateId))?.status;
  }

  /** A thing that the list does not have may count to another batch at AWS. */
  async findThing(name: string): Promise<ThingDescription | undefined> {
    return this.things.get(name) ?? (await this.#sources.registry.findThing(name));
  }

  /** Ids of the certificates that are attached to the board's thing. */
  async principalsOf(board: BoardIssued): Promise<string[]> {
    const arns = await this.#sources.upkeep.principalsOf(deviceIdOf(board.serial));
    return arns.flatMap((arn) => arn.split(':cert/')[1] ?? []);
  }

  isAuthorised(board: BoardIssued, certificateArnPrefix: string): boolean {
    return this.#authorised.has(
      this.#sources.thingGroup === undefined
        ? certificateArnPrefix + board.certificate_id
        : deviceIdOf(board.serial),
    );
  }
}
