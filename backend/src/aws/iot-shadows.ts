import {
  DeleteThingShadowCommand,
  GetThingShadowCommand,
  IoTDataPlaneClient,
  UpdateThingShadowCommand,
} from '@aws-sdk/client-iot-data-plane';
import { z } from 'zod';
import type { ShadowDocument, ShadowPort } from '../features/devices/shadow-port.ts';
import { AppError } from '../kernel/errors.ts';
import { isAwsError, translateAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';

const sectionSchema = z.record(z.string(), z.json());
/** GetThingShadow's document (AWS IoT Developer Guide, "Device Shadow service documents"); AWS may add keys. */
const documentSchema = z.looseObject({
  state: z.looseObject({
    reported: sectionSchema.optional(),
    desired: sectionSchema.optional(),
    delta: sectionSchema.optional(),
  }),
  metadata: z.looseObject({ reported: z.json().optional() }).optional(),
  version: z.int().nonnegative(),
});

/** Device shadows over the AWS IoT data plane. */
export class IotShadows implements ShadowPort {
  readonly #client: IoTDataPlaneClient;

  constructor(settings: AwsClientSettings) {
    this.#client = new IoTDataPlaneClient(clientConfig(settings));
  }

  async find(thing: string, shadowName: string | undefined): Promise<ShadowDocument | undefined> {
    try {
      const { payload } = await this.#client.send(
        new GetThingShadowCommand({ thingName: thing, shadowName }),
      );
      return readDocument(payload);
    } catch (error) {
      if (isAwsError(error, 'ResourceNotFoundException')) return undefined;
      throw translateAwsError(error);
    }
  }

  async mergeDesired(
    thing: string,
    { shadowName, desired, expectedVersion }: Parameters<ShadowPort['mergeDesired']>[1],
  ): Promise<void> {
    // A deleted shadow counts on from its old number, so "none yet" cannot be said as a version.
    const version = expectedVersion === 0 ? {} : { version: expectedVersion };
    const payload = Buffer.from(JSON.stringify({ state: { desired }, ...version }));
    try {
      await this.#client.send(new UpdateThingShadowCommand({ thingName: thing, shadowName, payload }));
    } catch (error) {
      if (isAwsError(error, 'ConflictException'))
        throw new AppError('shadow_version_conflict', { cause: error });
      throw translateAwsError(error);
    }
  }

  async clear(thing: string, shadowName: string | undefined): Promise<void> {
    try {
      await this.#client.send(new DeleteThingShadowCommand({ thingName: thing, shadowName }));
    } catch (error) {
      if (!isAwsError(error, 'ResourceNotFoundException')) throw translateAwsError(error);
    }
  }

  close(): void {
    this.#client.destroy();
  }
}

function readDocument(payload: Uint8Array | undefined): ShadowDocument {
  const { state, metadata, version } = documentSchema.parse(
    JSON.parse(new TextDecoder().decode(payload ?? new Uint8Array())),
  );
  const newest = newestTimestamp(metadata?.reported);
  return {
    reported: state.reported ?? {},
    desired: state.desired ?? {},
    delta: state.delta ?? {},
    version,
    reportedAtMs: newest === undefined ? undefined : newest * 1000,
  };
}

/** Metadata mirrors the state, each leaf `{"timestamp": <epoch seconds>}`. */
function newestTimestamp(metadata: z.core.util.JSONType | undefined): number | undefined {
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  let newest: number | undefined;
  for (const [key, value] of Object.entries(metadata)) {
    const timestamp = key === 'timestamp' && typeof value === 'number' ? value : newestTimestamp(value);
    if (timestamp !== undefined && (newest === undefined || timestamp > newest)) newest = timestamp;
  }
  return newest;
}
