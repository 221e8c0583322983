import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { loadConfig, settingNames, settings } from './config.ts';

const load = (env: NodeJS.ProcessEnv = {}, flags: Parameters<typeof loadConfig>[0]['flags'] = {}): unknown =>
  loadConfig({ env, flags });

it('has defaults for everything', () => {
  expect(load()).toMatchObject({
    bundle: '/etc/aovis-agent/bundle',
    source: { kind: 'clip' },
    logLevel: 'info',
  });
});

it('takes the command line before the environment', () => {
  const env = { AOVIS_AGENT_BUNDLE: '/env', AOVIS_AGENT_STATE: '/env-state' };
  expect(load(env, { bundle: '/flag' })).toMatchObject({ bundle: '/flag', state: '/env-state' });
});

it('names every problem at once', () => {
  const env = {
    AOVIS_AGENT_LOG_LEVEL: 'loud',
    AOVIS_AGENT_KEEP_ALIVE_SECONDS: '5',
    AOVIS_AGENT_BUNDEL: '/x',
    AOVIS_AGENT_SOURCE: 'webcam',
  };
  const attempt = (): unknown => load(env, { firmware: 'a b' });
  for (const problem of [
    'AOVIS_AGENT_LOG_LEVEL',
    'AOVIS_AGENT_KEEP_ALIVE',
    'AOVIS_AGENT_BUNDEL',
    'webcam',
    '--firmware',
  ])
    expect(attempt).toThrow(problem);
  expect(attempt).toThrow(expect.objectContaining({ code: 'usage', exitCode: 2 }));
});

it('refuses sound where there is none, and says what to do', () => {
  const env = { AOVIS_AGENT_SOURCE: 'v4l2:/dev/video0', AOVIS_AGENT_SOUND: 'source' };
  expect(() => load(env)).toThrow(
    'AOVIS_AGENT_SOUND: the source v4l2 has no sound of its own: name the sound card, alsa:DEVICE',
  );
  expect(() => load({ AOVIS_AGENT_SOUND: 'alsa:hw:1' })).toThrow('the source clip takes no sound');
  expect(() => load({ AOVIS_AGENT_SOUND: 'loud' })).toThrow('«loud» is no source of sound');
  expect(load({ ...env, AOVIS_AGENT_SOUND: 'alsa:plughw:CARD=cam,DEV=0' })).toMatchObject({
    sound: { kind: 'alsa', device: 'plughw:CARD=cam,DEV=0' },
  });
});

it('serves viewers from all addresses or from one', () => {
  expect(load()).toMatchObject({ liveViewAddress: undefined, liveViewLibrary: 'auto' });
  expect(load({ AOVIS_AGENT_LIVE_VIEW_ADDRESS: '192.0.2.7' })).toMatchObject({
    liveViewAddress: '192.0.2.7',
  });
  expect(() => load({ AOVIS_AGENT_LIVE_VIEW_ADDRESS: 'eth0' })).toThrow('«eth0» is no IPv4 address');
  expect(() => load({ AOVIS_AGENT_LIVE_VIEW_LIBRARY: 'wrtc' })).toThrow('«wrtc» is not known');
});

it('is documented, row by row', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/agent.md'), 'utf8');
  for (const name of settingNames) {
    const { variable, flag, default: value } = settings[name];
    expect(page).toContain(`| \`${variable}\` | \`${flag}\` | \`${value}\` |`);
  }
});
