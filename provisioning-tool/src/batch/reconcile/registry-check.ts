import { deviceIdOf } from '@aovis/contracts/ids';
import type { IotUpkeep } from '../../cloud/iot-upkeep.ts';
import { type BoardState, isLive } from '../../journal/journal-state.ts';
import type { BoardIssued } from '../../journal/records.ts';
import { chainOf, type StepSettings, steps, thingAttributesOf } from '../board-steps.ts';
import { type Finding, renewedInTheField } from './finding.ts';
import type { RegistryView } from './registry-view.ts';

export interface RegistryCheck {
  view: RegistryView;
  upkeep: IotUpkeep;
  /** How the batch's boards are registered. */
  settings: StepSettings;
}

/** Compares what AWS IoT has of a finished board with the journal. */
export async function checkRegistration(
  check: RegistryCheck,
  board: BoardIssued,
  state: BoardState,
): Promise<Finding[]> {
  if (!isLive(state)) return checkEnded(check, board, state);
  const [thing, principals, status] = await Promise.all([
    thingFindings(check, board),
    check.view.principalsOf(board),
    check.view.findStatus(board.certificate_id),
  ]);
  const [present] = principals;
  // As a rotation by job leaves it: nothing of that is to be undone.
  if (status === 'INACTIVE' && present !== undefined && !principals.includes(board.certificate_id))
    return [...thing, renewedInTheField(board.serial, 'AWS IoT', present)];
  const certificate = certificateFindings(check, board, status);
  return [...certificate, ...thing, ...attachmentFindings(check, board, principals)];
}

/** A board that is not finished must not have a certificate that is good for something. */
export async function checkUnfinished(check: RegistryCheck, board: BoardIssued): Promise<Finding[]> {
  const status = await check.view.findStatus(board.certificate_id);
  if (status !== 'ACTIVE') return [];
  return [
    {
      subject: board.serial,
      problem: 'the certificate is ACTIVE at AWS IoT, and the journal does not know that yet',
      advice: 'run the same «batch run» again',
    },
  ];
}

function certificateFindings(
  check: RegistryCheck,
  board: BoardIssued,
  status: string | undefined,
): Finding[] {
  const { serial: subject, certificate_id: id } = board;
  if (status === 'ACTIVE') return [];
  if (status !== undefined)
    return [
      {
        subject,
        problem: `the certificate is ${status} at AWS IoT`,
        advice:
          `if that is right, put it on record: aovis-provision device revoke ${subject}; ` +
          `else make a new one: aovis-provision device rotate ${subject}`,
      },
    ];
  const { settings } = check;
  const register = async () => {
    const { leaf, issuer } = await chainOf(settings.folder.bundle(deviceIdOf(subject)), board);
    const caPem = settings.caPem === undefined ? undefined : (issuer ?? settings.caPem);
    await settings.registry.registerCertificate({ id, pem: leaf, caPem });
    await steps.thing(settings, board);
    await steps.principal(settings, board);
    await steps.policy(settings, board);
    await steps.active(settings, board);
  };
  return [
    {
      subject,
      problem: 'AWS IoT does not have the certificate',
      repair: { does: 'register it again, attach it and make it ACTIVE', run: register },
    },
  ];
}

async function thingFindings(
  { view, settings, upkeep }: RegistryCheck,
  board: BoardIssued,
): Promise<Finding[]> {
  const subject = board.serial;
  const name = deviceIdOf(subject);
  const thing = await view.findThing(name);
  if (!thing) {
    const create = async () => {
      await steps.thing(settings, board);
      await steps.principal(settings, board);
      if (settings.thingGroup !== undefined) await steps.policy(settings, board);
    };
    const repair = { does: 'create it and attach its certificate', run: create };
    return [{ subject, problem: 'AWS IoT does not have the thing', repair }];
  }
  const findings: Finding[] = [];
  if (thing.type !== settings.thingType)
    findings.push({
      subject,
      problem: `the thing has type ${thing.type || '(none)'} at AWS IoT`,
      advice: `the setting thing_type says ${settings.thingType}; correct the setting or the thing`,
    });
  const expected = thingAttributesOf(board, settings.stationId);
  const differing = Object.keys(expected).filter((key) => thing.attributes[key] !== expected[key]);
  const foreign = differing.includes('first_certificate_id') && thing.attributes['first_certificate_id'];
  for (const key of differing) {
    const problem = `the thing's attribute ${key} is ${thing.attributes[key] ?? 'missing'} at AWS IoT`;
    const repair = {
      does: `set it to ${expected[key]}`,
      run: () => upkeep.updateThing(name, { [key]: expected[key] ?? '' }),
    };
    findings.push(
      foreign
        ? {
            subject,
            problem,
            advice: 'another station or batch made this board; find out which one is right',
          }
        : { subject, problem, repair },
    );
  }
  return findings;
}

function attachmentFindings(
  { view, settings }: RegistryCheck,
  board: BoardIssued,
  principals: readonly string[],
): Finding[] {
  const subject = board.serial;
  const { certificateArnPrefix } = settings;
  const findings: Finding[] = [];
  if (!principals.includes(board.certificate_id))
    findings.push({
      subject,
      problem: 'the certificate is not attached to the thing at AWS IoT',
      repair: { does: 'attach it', run: () => steps.principal(settings, board) },
    });
  for (const id of principals.filter((each) => each !== board.certificate_id))
    findings.push({
      subject,
      problem: `the thing has another certificate at AWS IoT, ${id}`,
      advice: `the board may have got it in the field; else take it away: aovis-provision device rotate ${subject}`,
    });
  if (!view.isAuthorised(board, certificateArnPrefix))
    findings.push({
      subject,
      problem:
        settings.thingGroup === undefined
          ? `the certificate does not have the policy ${settings.policy} at AWS IoT`
          : `the thing is not in the group ${settings.thingGroup} at AWS IoT`,
      repair: { does: 'put that right', run: () => steps.policy(settings, board) },
    });
  return findings;
}

async function checkEnded(check: RegistryCheck, board: BoardIssued, state: BoardState): Promise<Finding[]> {
  const status = await check.view.findStatus(board.certificate_id);
  if (status !== 'ACTIVE') return [];
  return [
    {
      subject: board.serial,
      problem: `the certificate is ACTIVE at AWS IoT, and the board was ${state.life?.ended}`,
      repair: {
        does: 'revoke it',
        run: () => check.upkeep.setCertificateStatus(board.certificate_id, 'REVOKED'),
      },
    },
  ];
}
