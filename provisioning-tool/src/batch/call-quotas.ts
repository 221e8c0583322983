import { CloudFailure, quotas as defaults, type QuotaOperation } from '../cloud/iot-registry.ts';
import type { Config } from '../config.ts';
import type { BoardStep } from '../journal/records.ts';

/** Who said how many calls a second there may be: the operator, Service Quotas, or AWS's documentation. */
export type QuotaOrigin = 'setting' | 'account' | 'default';

export interface CallQuota {
  callsPerSecond: number;
  origin: QuotaOrigin;
}

export interface CallQuotas {
  of: Readonly<Record<QuotaOperation, CallQuota>>;
  /** Why the account's own are not among them: a sentence, and whether somebody may mend it. */
  unread: { sentence: string; failed: boolean } | undefined;
}

export const originWords: Readonly<Record<QuotaOrigin, string>> = {
  setting: 'setting',
  account: 'account',
  default: "AWS's default",
};

/** Without asking AWS: for commands of a few calls. */
export function settledQuotas(config: Config): CallQuotas {
  return { of: decide(config, new Map()), unread: undefined };
}

/**
 * The account's own quotas as Service Quotas has them, save what settings say. Where they cannot be read there are
 * AWS's documented defaults, and a sentence why.
 */
export async function readQuotas(config: Config, signal: AbortSignal): Promise<CallQuotas> {
  const { region, iot_control_url: controlUrl, service_quotas_url: url } = config;
  const untold = (why: string, failed: boolean): CallQuotas => ({
    of: decide(config, new Map()),
    unread: { sentence: `AWS's default quotas are taken where no setting tps_… says more: ${why}`, failed },
  });
  if (region === undefined) return untold('no region is set.', false);
  if (controlUrl !== undefined && url === undefined)
    return untold(
      'Service Quotas is not asked, because iot_control_url is set and service_quotas_url is not.',
      false,
    );
  try {
    const { readAccountQuotas } = await import('../cloud/account-quotas.ts');
    const account = await readAccountQuotas({
      region,
      url,
      requestTimeoutMs: config.request_timeout_ms,
      signal,
    });
    return { of: decide(config, account), unread: undefined };
  } catch (error) {
    if (!(error instanceof CloudFailure)) throw error;
    return untold(whyUnread(error), true);
  }
}

function whyUnread({ kind, cause }: CloudFailure): string {
  // The name tells more than the message, and an aborted wait is no native error.
  const said = ` (${String(cause)})`;
  return kind === 'credentials'
    ? `Service Quotas does not show the account's own${said}; allow servicequotas:ListServiceQuotas (README, «Least permissions»).`
    : `Service Quotas does not answer${said}.`;
}

function decide(config: Config, account: ReadonlyMap<string, number>): CallQuotas['of'] {
  const set = settingsOf(config);
  const one = (operation: QuotaOperation): CallQuota => {
    const said = set[operation];
    if (said !== undefined) return { callsPerSecond: said, origin: 'setting' };
    const found = account.get(calledName(operation, config));
    return found === undefined
      ? { callsPerSecond: defaults[operation], origin: 'default' }
      : { callsPerSecond: found, origin: 'account' };
  };
  const operations = Object.keys(defaults) as QuotaOperation[];
  return Object.fromEntries(operations.map((operation) => [operation, one(operation)])) as CallQuotas['of'];
}

/** Certificates that are registered without their CA are counted on a quota of their own. */
function calledName(operation: QuotaOperation, { certificate_registration }: Config): string {
  return operation === 'RegisterCertificate' && certificate_registration === 'without-ca'
    ? 'RegisterCertificateWithoutCA'
    : operation;
}

function settingsOf(config: Config): Partial<Record<QuotaOperation, number | undefined>> {
  return {
    RegisterCertificate: config.tps_register_certificate,
    UpdateCertificate: config.tps_update_certificate,
    DescribeCertificate: config.tps_describe_certificate,
    AttachPolicy: config.tps_attach_policy,
    CreateThing: config.tps_create_thing,
    AttachThingPrincipal: config.tps_attach_thing_principal,
    AddThingToThingGroup: config.tps_add_thing_to_thing_group,
  };
}

/** The calls that making a board takes, and the step that each belongs to. */
export function boardCalls({ thing_group }: Config): [QuotaOperation, BoardStep][] {
  return [
    ['CreateThing', 'thing'],
    ['RegisterCertificate', 'certificate'],
    ['AttachThingPrincipal', 'principal'],
    [thing_group === undefined ? 'AttachPolicy' : 'AddThingToThingGroup', 'policy'],
    ['UpdateCertificate', 'active'],
  ];
}
