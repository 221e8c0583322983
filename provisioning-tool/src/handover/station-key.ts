import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { dirname, join } from 'node:path';
import { manifestSchema } from '@aovis/contracts/provisioning';
import { z } from 'zod';
import {
  ensurePrivateDirectory,
  exists,
  findTextFile,
  writeDirectoryDurably,
} from '../files/durable-files.ts';
import { readPrivateText } from '../files/private-file.ts';
import { Refusal } from '../refusal.ts';

/** Files of `<workspace>/station`. */
const stationFiles = { key: 'station.key', description: 'station.json' } as const;

const descriptionSchema = z.strictObject({
  station_id: manifestSchema.shape.station_id,
  public_key_pem: z.string(),
});

/** What the backend's administrator registers. */
export interface StationDescription {
  stationId: string;
  publicKeyPem: string;
  /** Lower-case hex SHA-256 of the SubjectPublicKeyInfo, to compare by eye. */
  publicKeySha256: string;
}

export interface Station extends StationDescription {
  key: KeyObject;
}

const directoryOf = (workspace: string) => join(workspace, 'station');

function describe(stationId: string, publicKey: KeyObject): StationDescription {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return {
    stationId,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    publicKeySha256: createHash('sha256').update(spki).digest('hex'),
  };
}

export async function refuseExistingStation(workspace: string): Promise<void> {
  if (await exists(directoryOf(workspace))) {
    throw new Refusal(
      'conflict',
      `There is a station key already in ${directoryOf(workspace)}; the backend knows it, it is never overwritten.`,
    );
  }
}

/** Makes the Ed25519 key that signs this station's manifests. */
export async function createStation(workspace: string, stationId: string): Promise<StationDescription> {
  await refuseExistingStation(workspace);
  const directory = directoryOf(workspace);
  await ensurePrivateDirectory(dirname(directory));
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const description = describe(stationId, publicKey);
  await writeDirectoryDurably(directory, {
    [stationFiles.key]: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    [stationFiles.description]: `${JSON.stringify(
      { station_id: stationId, public_key_pem: description.publicKeyPem },
      undefined,
      2,
    )}\n`,
  });
  return description;
}

export async function loadStation(workspace: string): Promise<Station> {
  const directory = directoryOf(workspace);
  const text = await findTextFile(join(directory, stationFiles.description));
  if (text === undefined) {
    throw new Refusal(
      'usage',
      'This station has no key yet; make one with: aovis-provision station init --station-id NAME',
    );
  }
  try {
    const { station_id } = descriptionSchema.parse(JSON.parse(text));
    const key = createPrivateKey(
      await readPrivateText(join(directory, stationFiles.key), { what: 'The station key' }),
    );
    return { ...describe(station_id, createPublicKey(key)), key };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal('usage', `The station key in ${directory} is damaged; put the right files back.`);
  }
}
