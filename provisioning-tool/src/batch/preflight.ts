import { X509Certificate } from 'node:crypto';
import type { FactoryCa } from '../ca/ca-store.ts';
import type { IotRegistry } from '../cloud/iot-registry.ts';
import { type Config, requireSetting } from '../config.ts';
import { findTextFile } from '../files/durable-files.ts';
import type { JournalState } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import { settings } from '../settings.ts';
import type { BundleSettings } from './bundle.ts';

/** Refuses, by name, what the boards will need and AWS does not have. Returns the prefix of certificate ARNs. */
export async function checkCloud(registry: IotRegistry, config: Config): Promise<string> {
  const group = config.thing_group;
  const [policyArn, hasType, hasAlias, hasGroup] = await Promise.all([
    registry.findPolicyArn(config.policy),
    registry.hasThingType(config.thing_type),
    registry.hasRoleAlias(config.role_alias),
    group === undefined ? true : registry.hasThingGroup(group),
  ]);
  const missing = [
    ...(policyArn ? [] : [missingLine('IoT policy', config.policy, 'policy')]),
    ...(hasType ? [] : [missingLine('thing type', config.thing_type, 'thing_type')]),
    ...(hasAlias ? [] : [missingLine('role alias', config.role_alias, 'role_alias')]),
    ...(hasGroup ? [] : [missingLine('thing group', group ?? '', 'thing_group')]),
  ];
  if (!policyArn || missing.length > 0) {
    throw new Refusal('usage', 'AWS IoT lacks what the boards need; nothing was done.', { details: missing });
  }
  return policyArn.replace(/policy\/.*$/, 'cert/');
}

function missingLine(what: string, name: string, setting: keyof typeof settings): string {
  return `There is no ${what} ${name} in this account and region; create it, or name another one (setting ${setting}).`;
}

/** The issuing CA as AWS has it; undefined when certificates are registered without one. */
export async function checkRegisteredCa(
  registry: IotRegistry,
  config: Config,
  ca: FactoryCa,
  caSha256: string,
  state: JournalState,
): Promise<string | undefined> {
  if (config.certificate_registration === 'without-ca') return undefined;
  const registration = state.caRegistrations.get(requireSetting(config, 'region'));
  const known =
    registration?.issuing_certificate_sha256 === caSha256
      ? await registry.findCa(registration.ca_certificate_id)
      : undefined;
  if (!known) {
    throw new Refusal(
      'ca',
      `The issuing CA is not registered in ${config.region}; register it with: aovis-provision ca register`,
    );
  }
  if (known.status !== 'ACTIVE') {
    throw new Refusal(
      'ca',
      `The issuing CA is ${known.status} at AWS IoT; activate it with: aovis-provision ca register`,
    );
  }
  return ca.issuing.toString();
}

/** What goes into every bundle; endpoints that are not configured are asked from AWS. */
export async function bundleSettingsOf(
  config: Config,
  ca: FactoryCa,
  registry: IotRegistry,
): Promise<BundleSettings> {
  const asked = config.iot_endpoint && config.credentials_endpoint ? undefined : await registry.endpoints();
  return {
    region: requireSetting(config, 'region'),
    roleAlias: config.role_alias,
    endpoints: {
      iot: config.iot_endpoint ?? asked?.iot ?? '',
      credentials: config.credentials_endpoint ?? asked?.credentials ?? '',
      ...(config.kinesis_video_url ? { kinesis_video: config.kinesis_video_url } : {}),
    },
    rootCaPem: await readRootCa(requireSetting(config, 'root_ca_file')),
    issuingCaPem: ca.issuing.toString(),
  };
}

async function readRootCa(path: string): Promise<string> {
  const pem = await findTextFile(path);
  if (pem === undefined)
    throw new Refusal('usage', `root_ca_file ${path} does not exist. ${settings.root_ca_file.sentence}`);
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw new Refusal(
      'usage',
      `root_ca_file ${path} is not a PEM certificate. ${settings.root_ca_file.sentence}`,
      {
        cause: error,
      },
    );
  }
  return pem.endsWith('\n') ? pem : `${pem}\n`;
}
