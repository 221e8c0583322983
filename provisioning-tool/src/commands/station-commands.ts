import { join } from 'node:path';
import { requireSetting } from '../config.ts';
import {
  createStation,
  loadStation,
  refuseExistingStation,
  type StationDescription,
} from '../handover/station-key.ts';
import { Journal } from '../journal/journal.ts';
import type { CommandContext } from './command-context.ts';

export async function stationInit(context: CommandContext): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  const stationId = requireSetting(await context.config(), 'station_id');
  await refuseExistingStation(workspace);
  if (context.flags.dryRun) {
    terminal.result({ dry_run: true, station_id: stationId }, [
      `Would make the key of station ${stationId} in ${join(workspace, 'station')}. Nothing was done.`,
    ]);
    return;
  }
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    const station = await createStation(workspace, stationId);
    await journal.append({
      type: 'station_initialised',
      station_id: stationId,
      public_key_sha256: station.publicKeySha256,
      operator: context.operator,
    });
    showStation(context, station);
  } finally {
    await journal.close();
  }
}

export async function stationShow(context: CommandContext): Promise<void> {
  showStation(context, await loadStation(context.workspace));
}

function showStation({ terminal }: CommandContext, station: StationDescription): void {
  const { stationId, publicKeyPem, publicKeySha256 } = station;
  terminal.result(
    { station_id: stationId, public_key_pem: publicKeyPem, public_key_sha256: publicKeySha256 },
    [
      ...terminal.table([
        ['station', stationId],
        ['public key SHA-256', publicKeySha256],
      ]),
      publicKeyPem.trimEnd(),
    ],
  );
  terminal.say(
    'Register this station id and public key at the backend; the private key never leaves this computer.',
  );
}
