import { deviceIdOf } from '@aovis/contracts/ids';
import { BatchFolder } from '../batch/batch-folder.ts';
import { runFailureOf } from '../batch/batch-run.ts';
import { readSerial } from '../device/board-name.ts';
import { commandOf, getBoardState } from '../device/change-checks.ts';
import { type DeviceView, deviceRows, type ViewElsewhere } from '../device/device-rows.ts';
import { exists } from '../files/durable-files.ts';
import { journalPath, readIssued, replayJournal } from '../journal/journal.ts';
import { type BoardState, isProvisioned } from '../journal/journal-state.ts';
import type { BoardIssued } from '../journal/records.ts';
import { stationRequestsOf } from './batch-comparison.ts';
import { type CommandContext, withStop } from './command-context.ts';

/** Everything that is known of one board: here, at AWS IoT and at the backend. No secrets. */
export async function deviceShow(context: CommandContext, given: string, offline: boolean): Promise<void> {
  const { terminal, workspace } = context;
  const path = journalPath(workspace);
  const { state } = await replayJournal(path);
  const serial = readSerial(given);
  const board = getBoardState(state, serial);
  const issued = await readIssued(path, state, serial);
  const folder = new BatchFolder(workspace, board.batch.id);
  const bundle = folder.bundle(deviceIdOf(serial));
  const value: DeviceView = {
    serial,
    device_id: deviceIdOf(serial),
    model: issued.model,
    batch_id: board.batch.id,
    state: standingOf(board),
    certificate_id: issued.certificate_id,
    code_epoch: issued.code_epoch,
    printed_elsewhere: issued.code === 'printed',
    handed_over: board.manifest?.accepted === true,
    bundle: (await exists(bundle)) ? bundle : undefined,
    failure: board.failure && `${board.failure.step}: ${board.failure.message}`,
    ...(offline ? {} : await askElsewhere(context, issued)),
  };
  terminal.result(value, terminal.table(deviceRows(value)));
}

function standingOf(board: BoardState): string {
  const { life } = board;
  if (life?.pending) return `${commandOf(life.pending.kind)} not finished`;
  if (life?.ended) return life.ended;
  return isProvisioned(board) ? 'finished' : 'not finished';
}

async function askElsewhere(context: CommandContext, board: BoardIssued): Promise<ViewElsewhere> {
  const config = await context.config();
  return await withStop(context.surroundings.signal, async (stop) => {
    const registry = await context.registry(config, stop.signal);
    try {
      const { AwsIotUpkeep } = await import('../cloud/aws-iot-upkeep.ts');
      const deviceId = deviceIdOf(board.serial);
      const [certificate, thing, principals] = await Promise.all([
        registry.findCertificate(board.certificate_id),
        registry.findThing(deviceId),
        new AwsIotUpkeep(registry.calls).principalsOf(deviceId),
      ]);
      const requests = await stationRequestsOf(context, config, stop.signal);
      const [standing] = requests ? await requests.lookUp([board]) : [];
      return {
        certificate_at_aws: certificate?.status ?? 'missing',
        thing_at_aws: thing ? thing.attributes : 'missing',
        attached_certificates: principals.map((arn) => arn.split(':cert/')[1] ?? arn),
        at_backend: standing ?? 'not asked',
      };
    } catch (error) {
      throw runFailureOf(error);
    } finally {
      registry.close();
    }
  });
}
