import type { BindingProof } from '@aovis/contracts/binding-proof';
import type { CommandAck } from '@aovis/contracts/commands';
import fixture from '@aovis/contracts/fixtures/iot-event.v1.json' with { type: 'json' };
import { iotEnvelopeSchema } from '@aovis/contracts/http/ingestion';
import { beforeEach, expect, it } from '@jest/globals';
import { FakeIngestionRepository } from './fake-ingestion-repository.ts';
import { type BindingProofs, type CommandAnswers, ingest } from './ingest.ts';

const thing = 'aovis-n4k-000123';
let repository: FakeIngestionRepository;
let acknowledged: [thing: string, ack: CommandAck, receivedAt: Date][];
let proved: [thing: string, proof: BindingProof][];
const given = { thing, commandId: fixture.command_ack.payload.id };
const take = (golden: unknown) => ingest(repository, { commands, proofs }, iotEnvelopeSchema.parse(golden));
const commands: CommandAnswers = {
  knows: async (who, commandId) => who === given.thing && commandId === given.commandId,
  acknowledge: async (...answer) => void acknowledged.push(answer),
};
const proofs: BindingProofs = {
  knows: async (who, claimId) => who === thing && claimId === fixture.binding_proof.payload.claim_id,
  take: async (...proof) => void proved.push(proof),
};

beforeEach(() => {
  repository = new FakeIngestionRepository([thing]);
  acknowledged = [];
  proved = [];
});

it('stores an event once', async () => {
  expect(await take(fixture.event)).toBe('stored');
  expect(await take(fixture.event)).toBe('duplicate');
  expect(repository.events).toEqual([{ thing, event: fixture.event.payload }]);
});

it('stores every sample of a batch', async () => {
  expect(await take(fixture.telemetry)).toBe('stored');
  expect(repository.telemetry.map(({ sample }) => sample)).toEqual(fixture.telemetry.payload.samples);
});

it('follows presence and not the last will', async () => {
  await take(fixture.presence_connected);
  await take(fixture.lwt);
  expect(repository.presences.get(thing)?.online).toBe(true);
  await take(fixture.presence_disconnected);
  expect(repository.presences.get(thing)?.online).toBe(false);
  expect(await take(fixture.presence_connected)).toBe('duplicate');
});

it('remembers when it last heard of a board', async () => {
  await take(fixture.event);
  expect(repository.lastSeen.get(thing)).toEqual(new Date(fixture.event.received_at));
});

it('hands on what a board answers to its own command, once', async () => {
  const { payload, received_at } = fixture.command_ack;
  expect(await take(fixture.command_ack)).toBe('stored');
  expect(await take(fixture.command_ack)).toBe('duplicate');
  expect(acknowledged).toEqual([[thing, payload, new Date(received_at)]]);
});

it('takes no answer to the command of another board, however often it comes', async () => {
  repository.things.add('aovis-n4k-000124');
  const foreign = { ...fixture.command_ack, thing: 'aovis-n4k-000124' };
  expect(await take(foreign)).toBe('unknown_command');
  expect(await take(foreign)).toBe('unknown_command');
  expect(acknowledged).toEqual([]);
});

it('hands on what a board signed, once for each claim, and nothing that another board signed', async () => {
  const { binding_proof } = fixture;
  repository.things.add('aovis-n4k-000124');
  expect(await take({ ...binding_proof, thing: 'aovis-n4k-000124' })).toBe('unknown_claim');
  expect(await take(binding_proof)).toBe('stored');
  const other = { ...binding_proof.payload, signature: 'A'.repeat(94) };
  expect(await take({ ...binding_proof, payload: other })).toBe('duplicate');
  expect(proved).toEqual([[thing, binding_proof.payload]]);
});

it('takes nothing of a board it does not know', async () => {
  repository.things.clear();
  expect(await take(fixture.event)).toBe('unknown_thing');
  expect(repository.events).toEqual([]);
});
