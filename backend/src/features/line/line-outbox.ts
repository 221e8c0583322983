import { randomBytes } from 'node:crypto';
import { activationCodeDigest, generateActivationCode } from '@aovis/contracts/activation-code';
import { certificateIdSchema, deviceIdSchema, serialOf } from '@aovis/contracts/ids';
import { z } from 'zod';
import type { Database } from '../../db/database.ts';
import type { Sealer } from '../../kernel/sealer.ts';
import type { OutboxHandlers } from '../../outbox/outbox.ts';
import { hashActivationDigest, type Peppers } from '../devices/activation-hash.ts';
import { CsrRefused, type LineRegistry } from './line-registry.ts';
import { LineRepository } from './line-repository.ts';

/** Effects of the line API at AWS IoT; keyed by device, so in order for each. */
export const linePrepareTopic = 'line.prepare';
export const lineActivateTopic = 'line.activate';
export const lineRevokeTopic = 'line.revoke';

const prepareSchema = z.strictObject({ device_id: deviceIdSchema, version: z.int().positive() });
export type LinePreparePayload = z.infer<typeof prepareSchema>;
const certificatesSchema = z.strictObject({ certificate_ids: z.array(certificateIdSchema) });
export type LineCertificatesPayload = z.infer<typeof certificatesSchema>;

/** What waits, sealed, until it is shown. */
export const secretsSchema = z.strictObject({
  certificate_pem: z.string(),
  private_key_pem: z.string().optional(),
  activation_code: z.string(),
});

/** Where sealed credentials are kept: they open for this board and version alone. */
export function sealedPlace(deviceId: string, version: number): string {
  return `line credentials ${deviceId} ${version}`;
}

export interface LineEffects {
  db: Database;
  registry: LineRegistry;
  sealer: Sealer;
  peppers: Peppers;
}

/** The handlers by topic. Each may run more than once. */
export function lineOutboxHandlers(effects: LineEffects): OutboxHandlers {
  const { registry } = effects;
  return {
    [linePrepareTopic]: (payload) => prepare(effects, prepareSchema.parse(payload)),
    [lineActivateTopic]: async (payload) => {
      for (const id of certificatesSchema.parse(payload).certificate_ids) await registry.activate(id);
    },
    [lineRevokeTopic]: async (payload) => {
      for (const id of certificatesSchema.parse(payload).certificate_ids) await registry.revoke(id);
    },
  };
}

/** Cut short at any point it is repeated whole; the certificate that nobody has then is inactive for ever. */
async function prepare(
  { db, registry, sealer, peppers }: LineEffects,
  { device_id: deviceId, version }: LinePreparePayload,
): Promise<void> {
  const repository = new LineRepository(db);
  const board = await repository.lock(deviceId);
  if (board?.newest.version !== version || board.newest.state !== 'preparing') return;
  await registry.ensureThing(deviceId, {
    serial: board.serial,
    model: board.model,
    batch: board.batchId,
    line: board.lineId,
  });
  let made: Awaited<ReturnType<LineRegistry['createCertificate']>>;
  try {
    made = await registry.createCertificate(board.newest.csr);
  } catch (error) {
    if (!(error instanceof CsrRefused)) throw error;
    await repository.refuse(deviceId, version);
    return;
  }
  await registry.attach(deviceId, made.certificateArn);
  const code = generateActivationCode(randomBytes);
  const secrets: z.infer<typeof secretsSchema> = {
    certificate_pem: made.certificatePem,
    ...(made.privateKeyPem !== undefined && { private_key_pem: made.privateKeyPem }),
    activation_code: code,
  };
  const stored = await repository.storeMade(deviceId, version, {
    certificateId: made.certificateId,
    activationCodeHash: hashActivationDigest(activationCodeDigest(serialOf(deviceId), code), peppers),
    sealed: sealer.seal(JSON.stringify(secrets), sealedPlace(deviceId, version)),
  });
  // Rotated meanwhile.
  if (!stored) await registry.revoke(made.certificateId);
}
