import type { SettingName } from '../settings.ts';

/** Settings that commands have in common, by what they talk to. */
export const awsSettings = [
  'region',
  'iot_control_url',
  'request_timeout_ms',
  'outage_patience_seconds',
] as const satisfies readonly SettingName[];

export const quotaSettings = [
  'service_quotas_url',
  'tps_register_certificate',
  'tps_update_certificate',
  'tps_describe_certificate',
  'tps_attach_policy',
  'tps_create_thing',
  'tps_attach_thing_principal',
  'tps_add_thing_to_thing_group',
] as const satisfies readonly SettingName[];

/** Of commands that sign with the issuing key, which may live in AWS KMS. */
export const keySettings = ['kms_url', 'request_timeout_ms'] as const satisfies readonly SettingName[];

/** Everything that decides how boards are made. */
export const batchSettings = [
  ...awsSettings,
  'kms_url',
  'backend_url',
  'station_id',
  'policy',
  'thing_group',
  'thing_type',
  'role_alias',
  'certificate_registration',
  'iot_endpoint',
  'credentials_endpoint',
  'kinesis_video_url',
  'root_ca_file',
  'board_key',
  'certificate_years',
  'boards_in_flight',
  ...quotaSettings,
] as const satisfies readonly SettingName[];
