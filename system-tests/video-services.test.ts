import { once } from 'node:events';
import { dataOf } from '@aovis/api-client/api-error';
import type { AppClient } from '@aovis/simulator/app-client';
import { untilPersisted, untilPlayable, waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ALL_FORMATS, BlobSource, Input } from 'mediabunny';
import { WebSocket } from 'ws';
import { RunningSystem } from './support/running-system.ts';

describe('what an owner does with the picture beside playing it', () => {
  let running: RunningSystem;
  let anna: AppClient;
  let deviceId: string;

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1 });
    const board = running.board(0);
    board.start();
    ({ deviceId } = running.provisionedBoard(0));
    anna = await running.owner('anna@example.com', running.provisionedBoard(0));
    await untilPersisted(board);
    await untilPlayable(anna, deviceId);
  });
  afterAll(async () => {
    await running?.stop();
  });

  const at = () => ({ path: { id: deviceId } });

  it('takes a clip that any player can read', async () => {
    const bytes = await waitFor('A clip', async () => {
      const end = new Date();
      const query = { start: new Date(end.getTime() - 20_000).toISOString(), end: end.toISOString() };
      const { data, response } = await anna.api.GET('/api/devices/{id}/clip', {
        params: { ...at(), query },
        parseAs: 'arrayBuffer',
      });
      return response.status === 200 ? data : undefined;
    });
    const input = new Input({
      formats: ALL_FORMATS,
      source: new BlobSource(new Blob([bytes as ArrayBuffer])),
    });
    const track = await input.getPrimaryVideoTrack();
    expect(track?.codec).toBe('avc');
    expect(await input.computeDuration()).toBeGreaterThan(0.5);
  });

  it('gets an invitation to the live view that the signaling service takes, once', async () => {
    const params = at();
    const invitation = dataOf(
      await anna.api.POST('/api/devices/{id}/webrtc', { params: { path: params.path } }),
    );
    expect(invitation.ice_servers).toEqual(expect.any(Array));
    const viewer = new WebSocket(invitation.wss_url, { rejectUnauthorized: false });
    await once(viewer, 'open');
    viewer.terminate();
    await once(viewer, 'close');
    const forged = new WebSocket(invitation.wss_url.replace(/Signature=..../, 'Signature=0000'), {
      rejectUnauthorized: false,
    });
    const [error] = (await once(forged, 'error')) as [Error];
    expect(error.message).toContain('403');
  });

  it('has the pictures described, after having agreed to it', async () => {
    const summarize = () => anna.api.POST('/api/devices/{id}/ai/summary', { params: at(), body: {} });
    const refused = await summarize();
    expect([refused.response.status, (refused.error as { error: { code: string } }).error.code]).toEqual([
      403,
      'consent_required',
    ]);
    await anna.api.PATCH('/api/account', { body: { consents: { ai_features: true } } });
    const summary = await waitFor('A summary', async () => {
      const { data, response, error } = await summarize();
      if (response.status !== 200) throw new Error(JSON.stringify(error));
      return data;
    });
    expect(summary.summary.length).toBeGreaterThan(10);
  });
});
