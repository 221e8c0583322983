/** What a setting may be; `config.ts` has the parser of each kind. */
export type SettingKind =
  | 'region'
  | 'httpUrl'
  | 'hostPort'
  | 'name'
  | 'format'
  | 'stationId'
  | 'roleAlias'
  | 'registration'
  | 'path'
  | 'years'
  | 'boardKey'
  | 'count'
  | 'milliseconds'
  | 'seconds'
  | 'callsPerSecond';

interface Setting {
  /** Environment variable. The flag and the key of `config.json` follow from the row's name. */
  variable: string;
  kind: SettingKind;
  /** Without one the setting may be absent. */
  default?: string;
  sentence: string;
}

/**
 * Every setting of the tool. A value comes from its flag (`--iot-control-url`), else its environment variable, else
 * `config.json` of the workspace (`iot_control_url`), else its default. AWS credentials are not here: the AWS SDK
 * finds them in its usual places (environment, ~/.aws, SSO, instance role). Apart from the parsers because the
 * help shows it, and help must not wait for them to load.
 */
export const settings = {
  region: {
    variable: 'AWS_REGION',
    kind: 'region',
    sentence: 'AWS region of the boards, e.g. eu-central-1.',
  },
  iot_control_url: {
    variable: 'AOVIS_IOT_CONTROL_URL',
    kind: 'httpUrl',
    sentence: 'AWS IoT control endpoint, instead of the public one of the region.',
  },
  kms_url: {
    variable: 'AOVIS_KMS_URL',
    kind: 'httpUrl',
    sentence: 'AWS KMS endpoint, instead of the public one of the region of the key.',
  },
  service_quotas_url: {
    variable: 'AOVIS_SERVICE_QUOTAS_URL',
    kind: 'httpUrl',
    sentence: 'AWS Service Quotas endpoint, instead of the public one of the region.',
  },
  backend_url: {
    variable: 'AOVIS_BACKEND_URL',
    kind: 'httpUrl',
    sentence: 'Backend that gets the hash manifests; without it they are only written as files.',
  },
  station_id: {
    variable: 'AOVIS_STATION_ID',
    kind: 'stationId',
    sentence: 'Name of this station, as registered at the backend, e.g. line-1.',
  },
  policy: {
    variable: 'AOVIS_IOT_POLICY',
    kind: 'name',
    default: 'aovis-board',
    sentence: 'IoT policy that each board gets; it must exist.',
  },
  thing_group: {
    variable: 'AOVIS_IOT_THING_GROUP',
    kind: 'name',
    sentence:
      'Thing group that carries the policy: boards join it, and the policy is not attached to each certificate.',
  },
  thing_type: {
    variable: 'AOVIS_IOT_THING_TYPE',
    kind: 'name',
    default: 'aovis-camera',
    sentence: 'Thing type of the boards; it must exist.',
  },
  role_alias: {
    variable: 'AOVIS_IOT_ROLE_ALIAS',
    kind: 'roleAlias',
    default: 'aovis-board-video',
    sentence: 'Role alias through which boards get credentials for video; it must exist.',
  },
  certificate_registration: {
    variable: 'AOVIS_CERTIFICATE_REGISTRATION',
    kind: 'registration',
    default: 'ca',
    sentence:
      'ca: under the registered CA; without-ca: each certificate alone (RegisterCertificateWithoutCA).',
  },
  iot_endpoint: {
    variable: 'AOVIS_IOT_ENDPOINT',
    kind: 'hostPort',
    sentence: 'MQTT host[:port] written into bundles; asked from AWS (iot:Data-ATS) when absent.',
  },
  credentials_endpoint: {
    variable: 'AOVIS_CREDENTIALS_ENDPOINT',
    kind: 'hostPort',
    sentence:
      'Credential provider host[:port] written into bundles; asked from AWS (iot:CredentialProvider) when absent.',
  },
  kinesis_video_url: {
    variable: 'AOVIS_KINESIS_VIDEO_URL',
    kind: 'httpUrl',
    sentence: 'Kinesis Video endpoint written into bundles, instead of the public one of the region.',
  },
  root_ca_file: {
    variable: 'AOVIS_ROOT_CA_FILE',
    kind: 'path',
    sentence:
      'PEM file of the roots that boards trust as the cloud; for AWS: https://www.amazontrust.com/repository/AmazonRootCA1.pem',
  },
  activation_url: {
    variable: 'AOVIS_ACTIVATION_URL',
    kind: 'httpUrl',
    sentence:
      "Address of the app, which a label's QR code opens with /a#CODE behind it, e.g. https://app.example.com.",
  },
  label_format: {
    variable: 'AOVIS_LABEL_FORMAT',
    kind: 'format',
    default: 'a4-24',
    sentence: 'Format of the label sheets, one that labels formats lists.',
  },
  board_key: {
    variable: 'AOVIS_BOARD_KEY',
    kind: 'boardKey',
    default: 'ec-p256',
    sentence:
      'Kind of the keys that are made for boards: ec-p256, or rsa-2048, which takes a tenth of a second each.',
  },
  certificate_years: {
    variable: 'AOVIS_CERTIFICATE_YEARS',
    kind: 'years',
    default: '20',
    sentence: 'Validity of board certificates in years, or never.',
  },
  boards_in_flight: {
    variable: 'AOVIS_BOARDS_IN_FLIGHT',
    kind: 'count',
    default: '64',
    sentence: 'How many boards are worked on at once.',
  },
  request_timeout_ms: {
    variable: 'AOVIS_REQUEST_TIMEOUT_MS',
    kind: 'milliseconds',
    default: '15000',
    sentence: 'After so many milliseconds without an answer a call is repeated.',
  },
  outage_patience_seconds: {
    variable: 'AOVIS_OUTAGE_PATIENCE_SECONDS',
    kind: 'seconds',
    default: '60',
    sentence: 'How long an outage of the cloud or the backend is waited out before the run stops.',
  },
  tps_register_certificate: {
    variable: 'AOVIS_TPS_REGISTER_CERTIFICATE',
    kind: 'callsPerSecond',
    sentence: 'Calls of RegisterCertificate a second, instead of what Service Quotas says of the account.',
  },
  tps_update_certificate: {
    variable: 'AOVIS_TPS_UPDATE_CERTIFICATE',
    kind: 'callsPerSecond',
    sentence: 'Calls of UpdateCertificate a second, instead of what Service Quotas says of the account.',
  },
  tps_describe_certificate: {
    variable: 'AOVIS_TPS_DESCRIBE_CERTIFICATE',
    kind: 'callsPerSecond',
    sentence: 'Calls of DescribeCertificate a second, instead of what Service Quotas says of the account.',
  },
  tps_attach_policy: {
    variable: 'AOVIS_TPS_ATTACH_POLICY',
    kind: 'callsPerSecond',
    sentence: 'Calls of AttachPolicy a second, instead of what Service Quotas says of the account.',
  },
  tps_create_thing: {
    variable: 'AOVIS_TPS_CREATE_THING',
    kind: 'callsPerSecond',
    sentence: 'Calls of CreateThing a second, instead of what Service Quotas says of the account.',
  },
  tps_attach_thing_principal: {
    variable: 'AOVIS_TPS_ATTACH_THING_PRINCIPAL',
    kind: 'callsPerSecond',
    sentence: 'Calls of AttachThingPrincipal a second, instead of what Service Quotas says of the account.',
  },
  tps_add_thing_to_thing_group: {
    variable: 'AOVIS_TPS_ADD_THING_TO_THING_GROUP',
    kind: 'callsPerSecond',
    sentence: 'Calls of AddThingToThingGroup a second, instead of what Service Quotas says of the account.',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

export const settingNames = Object.keys(settings) as SettingName[];

/** `iot_control_url` → `--iot-control-url`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}
