import { expect, it } from '@jest/globals';
import type { ShadowDocument } from './shadow-port.ts';
import { summarizeShadow, toShadowView } from './shadow-view.ts';

const shadow: ShadowDocument = {
  reported: {
    agent: { version: '0.1.0', uptime_s: 5, boot_id: 'b' },
    board: { model: 'n4k', firmware: '1.2', os: 'linux' },
    network: { kind: 'cellular', rssi_dbm: -71.5 },
    stream: { state: 'streaming', bitrate_bps: 900_000, dropped_fragments: 0 },
  },
  desired: {},
  delta: {},
  version: 12,
  reportedAtMs: 1_772_352_000_000,
};

it('takes the main points of a report', () => {
  expect(summarizeShadow(shadow)).toEqual({
    version: 12,
    reported_at: '2026-03-01T08:00:00.000Z',
    agent_version: '0.1.0',
    firmware: '1.2',
    network_kind: 'cellular',
    rssi_dbm: -71.5,
    stream_state: 'streaming',
    bitrate_bps: 900_000,
  });
});

it('shows what is right of a report that is partly wrong', () => {
  const summary = summarizeShadow({
    ...shadow,
    reported: { agent: 'x', stream: { state: 'dancing' }, board: { firmware: '2' } },
  });
  expect(summary).toMatchObject({
    agent_version: null,
    stream_state: null,
    firmware: '2',
    network_kind: null,
  });
});

it('is null before the first report', () => {
  expect(summarizeShadow(undefined)).toBeNull();
  expect(summarizeShadow({ ...shadow, reported: {}, reportedAtMs: undefined })).toBeNull();
});

it('shows an absent shadow as an empty one', () => {
  expect(toShadowView(undefined)).toEqual({ reported: {}, desired: {}, delta: {}, version: 0 });
});
