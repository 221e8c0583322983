import type { BoardStanding } from '@aovis/contracts/http/factory';

/** What AWS IoT and the backend have of a board. */
export interface ViewElsewhere {
  /** Status of the certificate that the journal has; `missing` when AWS IoT has none. */
  certificate_at_aws: string;
  /** Attributes of the thing. */
  thing_at_aws: Record<string, string> | 'missing';
  /** Ids of the certificates that are attached to the thing. */
  attached_certificates: string[];
  at_backend: BoardStanding | 'not asked';
}

/** What is known of one board. No secrets. */
export interface DeviceView extends Partial<ViewElsewhere> {
  serial: string;
  device_id: string;
  model: string;
  batch_id: string;
  state: string;
  certificate_id: string;
  code_epoch: number;
  /** It keeps the label of an old system. */
  printed_elsewhere: boolean;
  handed_over: boolean;
  /** Folder; undefined when it is not here. */
  bundle: string | undefined;
  failure: string | undefined;
}

/** The same for a person: where, what, and how it is there. */
export function deviceRows(view: DeviceView): string[][] {
  return [...rowsHere(view), ...rowsAtAws(view), ...rowsAtBackend(view)];
}

function rowsHere(view: DeviceView): string[][] {
  const rows: [string, string][] = [
    ['serial', view.serial],
    ['device id', view.device_id],
    ['model', view.model],
    ['batch', view.batch_id],
    ['state', view.state],
    ['certificate', view.certificate_id],
    ['activation code', view.printed_elsewhere ? 'that of an old label' : `number ${view.code_epoch}`],
    ['handed over', yesOrNo(view.handed_over)],
    ['bundle', view.bundle ?? 'not here'],
    ...(view.failure === undefined ? [] : ([['failure', view.failure]] satisfies [string, string][])),
  ];
  return rows.map((row) => ['here', ...row]);
}

function rowsAtAws({
  certificate_id: own,
  certificate_at_aws: status,
  thing_at_aws: thing,
  attached_certificates: attached = [],
}: DeviceView): string[][] {
  if (status === undefined || thing === undefined) return [];
  const attributes =
    thing === 'missing' ? [] : Object.entries(thing).toSorted(([a], [b]) => a.localeCompare(b));
  return [
    ['AWS IoT', 'certificate', status],
    ['AWS IoT', 'thing', thing === 'missing' ? 'missing' : 'there'],
    ...attributes.map(([name, value]) => ['AWS IoT', `  ${name.replaceAll('_', ' ')}`, value]),
    ...attached.map((id) => [
      'AWS IoT',
      'attached',
      id === own ? 'the certificate above' : `${id} (another one)`,
    ]),
    ...(attached.length === 0 ? [['AWS IoT', 'attached', 'no certificate']] : []),
  ];
}

function rowsAtBackend({ certificate_id: own, at_backend: standing }: DeviceView): string[][] {
  if (standing === undefined) return [];
  if (standing === 'not asked') return [['backend', 'status', 'not asked: none is configured']];
  const { certificate_id: certificate, code_epoch: epoch, same_code: sameCode, same_sim: sameSim } = standing;
  const code = sameCode === undefined ? '' : sameCode ? ', the one known here' : ', another than here';
  const rows: [string, string | undefined][] = [
    ['status', standing.status],
    [
      'certificate',
      certificate === own ? 'the certificate above' : certificate && `${certificate} (another one)`,
    ],
    ['activation code', epoch === undefined ? undefined : `number ${epoch}${code}`],
    [
      'SIM card',
      sameSim === undefined ? undefined : sameSim ? 'the one known here' : 'another than here, or none',
    ],
    ['batch', standing.batch_id],
    ['manifest', standing.manifest_id],
    ['owned', yesOrNo(standing.owned)],
  ];
  return rows.flatMap(([what, value]) => (value === undefined ? [] : [['backend', what, value]]));
}

const yesOrNo = (is: boolean): string => (is ? 'yes' : 'no');
