import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { AgentStatus } from '../../status/agent-status.ts';
import { MetricsServer } from './metrics-server.ts';
import { renderMetrics } from './render-metrics.ts';

const signal = new AbortController().signal;

const status: AgentStatus = {
  running: true,
  pid: 1,
  version: '1.2.3',
  device_id: 'aovis-n4k-000123',
  serial: 'N4K-000123',
  uptime_s: 12,
  connection: { state: 'connected', endpoint: 'x', detail: '' },
  certificate: { id: 'ab', expires_at: '2036-11-17T00:00:00.000Z', days_left: 3_650 },
  shadow: { config_version: 3, config_errors: {} },
  binding: { claimable: false, detail: '' },
  camera: { detail: '' },
  stream: {
    state: 'streaming',
    bitrate_bps: 1_000,
    last_persisted_at: new Date(1_795_000_000_500).toISOString(),
    dropped_fragments: 1,
    detail: '',
  },
  buffer: {
    fragments: 2,
    fragment_bytes: 20,
    messages: 3,
    message_bytes: 30,
    messages_on: 'disk',
    dropped_events: 4,
    dropped_telemetry: 5,
  },
  parts: [{ name: 'live "view"\n\\', ok: false, detail: '' }],
  problems: [],
};

/** A line of the exposition format, after «Exposition formats» of Prometheus' documentation. */
const sample =
  /^[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? -?[\d.e+]+$/;

describe('the text', () => {
  it('is in the exposition format, each metric once', () => {
    const lines = renderMetrics(status, 1024).split('\n');
    expect(lines.pop()).toBe('');
    const typed = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
    expect(new Set(typed).size).toBe(typed.length);
    for (const line of lines.filter((text) => !text.startsWith('#'))) {
      expect(line).toMatch(sample);
      expect(typed).toContain(/^[a-z_]+/.exec(line)?.[0]);
    }
  });

  it('has the figures', () => {
    const text = renderMetrics(status, 1024);
    for (const line of [
      'aovis_agent_info{device_id="aovis-n4k-000123",version="1.2.3"} 1',
      'aovis_agent_connected 1',
      'aovis_agent_stream_state{state="streaming"} 1',
      'aovis_agent_stream_last_persisted_timestamp_seconds 1795000000.5',
      'aovis_agent_messages_dropped_total{kind="telemetry"} 5',
      'aovis_agent_part_ok{part="live \\"view\\"\\n\\\\"} 0',
    ])
      expect(text.split('\n')).toContain(line);
    const { last_persisted_at: _, ...stream } = status.stream;
    expect(renderMetrics({ ...status, stream }, 1)).not.toContain('last_persisted');
  });
});

describe('the server', () => {
  let server: MetricsServer | undefined;
  afterEach(() => server?.stop());

  it('answers GET /metrics and nothing else', async () => {
    server = new MetricsServer({ port: 0, render: () => 'x 1\n' });
    await server.start(signal);
    const at = (path: string, method = 'GET'): Promise<Response> =>
      fetch(`http://127.0.0.1:${server?.port}${path}`, { method });
    const answer = await at('/metrics');
    expect(answer.headers.get('content-type')).toContain('version=0.0.4');
    expect(await answer.text()).toBe('x 1\n');
    for (const refused of [await at('/'), await at('/metrics', 'POST')]) {
      expect(refused.status).toBe(404);
      await refused.text();
    }
  });

  it('is off unless asked for, and says which port is taken', async () => {
    server = new MetricsServer({ port: undefined, render: () => '' });
    await server.start(signal);
    expect(server.health()).toEqual({ ok: true, detail: 'off' });
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(new MetricsServer({ port, render: () => '' }).start(signal)).rejects.toThrow(`Port ${port}`);
    other.close();
    await once(other, 'close');
  });
});
