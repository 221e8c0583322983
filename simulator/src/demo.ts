import { createHmac } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppClient } from './app-client.ts';
import { Board } from './board.ts';
import { buildAgent } from './build-agent.ts';
import { expectAnswer } from './expect-answer.ts';
import { watchLive } from './live-viewer.ts';
import { LocalSystem } from './local-system.ts';
import { launchChromium, type Playback, parseSegments, playInBrowser } from './player.ts';
import { sampleBatch, sampleBoards } from './sample-order.ts';
import type { StepReport } from './step-report.ts';
import { untilPersisted, untilPlayable, untilReported } from './wait-for.ts';

const framesToShow = 45;
const playTimeoutMs = 60_000;

export interface DemoOptions {
  directory: string;
  databaseUrl?: string | undefined;
  /** Keeps an earlier run's state instead of starting from nothing. */
  keep?: boolean;
  report: StepReport;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

/**
 * The main job, from the factory line to the picture on a screen, unattended. Every step is the production path;
 * a step that does not come out as it must throws.
 */
export async function runDemo({ directory, databaseUrl, keep, report, signal }: DemoOptions): Promise<void> {
  const system = new LocalSystem({ directory, databaseUrl });
  system.open();
  if (!keep) emptyFolder(system);
  let board: Board | undefined;
  try {
    report.heading('1  The system');
    await report.step('PostgreSQL', () => system.startDatabase());
    await report.step('schema migrated', () => system.migrate());
    await report.step('local-cloud: AWS, sign-in, mail', () => system.startCloud());
    await report.step(
      'backend',
      () => system.startBackend(),
      () => system.backendUrl,
    );
    await report.step('account: policy, role, thing type', () => system.prepareAccount());
    signal.throwIfAborted();

    report.heading('2  The factory');
    await report.step('CA and station key made and registered', () => system.prepareFactory());
    const csv = system.factory.writeOrder(sampleBatch, sampleBoards);
    await report.step(`aovis-provision batch run: ${sampleBoards.length} boards`, () =>
      system.factory.runBatch(csv),
    );
    await report.step('aovis-provision batch verify', () =>
      system.factory.run('batch', 'verify', sampleBatch),
    );
    const boards = system.factory.boards(sampleBatch);
    const [first, second] = boards;
    if (first === undefined || second === undefined)
      throw new Error('The batch has fewer boards than ordered.');
    signal.throwIfAborted();

    report.heading('3  The board');
    await report.step('agent bundled into one file', () => buildAgent());
    board = new Board(first, {
      stateDirectory: system.folder.boardState(first.deviceId),
      logFile: system.folder.log(first.deviceId),
      // All that the demo starts is reached on this machine alone.
      settings: { AOVIS_AGENT_LIVE_VIEW_ADDRESS: '127.0.0.1' },
    });
    const running = board;
    await report.step(
      'mTLS, shadow, credentials, PutMedia: fragment PERSISTED',
      async () => {
        running.start();
        return untilPersisted(running, signal);
      },
      () => first.deviceId,
    );

    report.heading('4  The customer');
    const anna = new AppClient({ backendUrl: system.backendUrl, mailUrl: system.endpoints.mail.url });
    const ben = new AppClient({ backendUrl: system.backendUrl, mailUrl: system.endpoints.mail.url });
    await report.step('Anna signs in by magic link', () => anna.signIn('anna@example.com'));
    const activation = await report.step(
      'Anna activates the board with the code on its label',
      async () => expectAnswer(await anna.activate(first.deviceId, first.activationCode), 200),
      ({ entitlement }) =>
        `${entitlement?.source} ${entitlement?.capability} until ${entitlement?.ends_at?.slice(0, 10)}`,
    );
    if (activation.entitlement === null) throw new Error('The first activation gave no trial.');
    await report.step(
      'the board is shown online, with what it reported',
      () => untilReported(anna, first.deviceId, signal),
      ({ shadow }) => `shadow version ${shadow.version}, stream ${shadow.stream_state}`,
    );
    signal.throwIfAborted();

    report.heading('5  The picture');
    const { url } = await report.step('GET /api/devices/{id}/stream', () =>
      untilPlayable(anna, first.deviceId, signal),
    );
    const playback = await report.step('video played', () => play(url, directory), describePlayback);
    if (playback.means === 'browser') report.note(`screenshot: ${join(directory, 'picture.png')}`);
    await showLive(anna, first.deviceId, { directory, report });

    report.heading('6  What must not work');
    await report.step('Ben signs in', () => ben.signIn('ben@example.com'));
    await report.step('Ben asks for Anna’s board: 404 device_not_found', async () => {
      expectAnswer(await ben.device(first.deviceId), 404, 'device_not_found');
      expectAnswer(await ben.stream(first.deviceId), 404, 'device_not_found');
    });
    await report.step('Ben tries a wrong code: 403 invalid_activation_code', async () => {
      expectAnswer(await ben.activate(second.deviceId, first.activationCode), 403, 'invalid_activation_code');
    });
    await report.step('Ben tries Anna’s code: 403 device_owned_by_another_user', async () => {
      expectAnswer(
        await ben.activate(first.deviceId, first.activationCode),
        403,
        'device_owned_by_another_user',
      );
    });
    await report.step('a board event sent twice: the second is a duplicate', () =>
      replayEvent(system, first.deviceId),
    );
    await report.step(
      'the audit chain verifies',
      () => system.backendCli('audit', 'verify'),
      ({ stdout }) => stdout.trim(),
    );
    report.heading(
      `The main job is done: ${report.seconds.toFixed(1)} s. Logs and state are in ${directory}.`,
    );
    report.heading(
      'See it with your own eyes: «npm start», then in another terminal «npm run app -- anna@example.com activate <board> <code>»,\n' +
        '«… play <board>» for what is recorded, «… live <board>» for what the camera sees now.',
    );
  } finally {
    await board?.stop();
    await system.stop();
  }
}

/** From the board itself, without a recording in between; where there is no browser, as far as the invitation to it. */
async function showLive(
  app: AppClient,
  deviceId: string,
  { directory, report }: { directory: string; report: StepReport },
): Promise<void> {
  const invite = () => app.inviteViewer(deviceId);
  await report.step('POST /api/devices/{id}/webrtc', async () => expectAnswer(await invite(), 200));
  const browser = await launchChromium();
  if (browser === undefined) return;
  const screenshot = join(directory, 'live.png');
  await report.step(
    'live view by WebRTC, on AWS’s browser client',
    () => watchLive(invite, { browser, frames: framesToShow, timeoutMs: playTimeoutMs, screenshot }),
    ({ firstFrameMs, frames, width, height }) =>
      `first frame after ${firstFrameMs} ms, ${frames} of ${width}×${height}`,
  );
  report.note(`screenshot: ${screenshot}`);
}

async function play(url: string, directory: string): Promise<Playback> {
  const browser = await launchChromium();
  if (browser === undefined) return parseSegments(url);
  return playInBrowser(url, {
    browser,
    frames: framesToShow,
    timeoutMs: playTimeoutMs,
    screenshot: join(directory, 'picture.png'),
  });
}

function describePlayback({ means, frames, width, height }: Playback): string {
  const what = `${frames} frames of ${width}×${height}`;
  return means === 'browser'
    ? `hls.js in Chromium showed ${what}`
    : `no Chromium that starts here; an MP4 parser read ${what}`;
}

/** Sends one event as the forwarder does, twice, byte for byte; throws unless the second answer says so. */
async function replayEvent(system: LocalSystem, thing: string): Promise<void> {
  const now = Date.now();
  const envelope = {
    kind: 'event',
    thing,
    topic: `aovis/${thing}/event`,
    received_at: now,
    payload: {
      event_id: inventUlid(now),
      type: 'motion',
      occurred_at: now,
      seq: 1_000_000,
      data: { zone: 'door' },
    },
  };
  const body = JSON.stringify(envelope);
  const timestamp = String(Math.floor(now / 1000));
  const signature = createHmac('sha256', system.folder.secret('iot-event'))
    .update(`${timestamp}.${body}`)
    .digest('hex');
  const send = async (): Promise<unknown> => {
    const response = await fetch(new URL('/api/internal/aws/iot-event', system.backendUrl), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-aovis-timestamp': timestamp,
        'x-aovis-signature': signature,
      },
      body,
    });
    if (response.status !== 200)
      throw new Error(`iot-event answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  const first = (await send()) as { duplicate?: boolean };
  const second = (await send()) as { duplicate?: boolean };
  if (first.duplicate === true || second.duplicate !== true) {
    throw new Error(`Expected one event and one duplicate, got ${JSON.stringify([first, second])}.`);
  }
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** https://github.com/ulid/spec: ten symbols of milliseconds, sixteen random ones. */
function inventUlid(ms: number): string {
  const time = Array.from({ length: 10 }, (_, i) => crockford[Math.floor(ms / 32 ** (9 - i)) % 32]);
  const random = Array.from({ length: 16 }, () => crockford[Math.floor(Math.random() * 32)]);
  return [...time, ...random].join('');
}

/** The demo starts from nothing each time; the lock stays. */
function emptyFolder(system: LocalSystem): void {
  for (const part of [
    'postgres',
    'cloud',
    'factory',
    'boards',
    'secrets',
    'logs',
    'ports.json',
    'audit-anchors',
    'picture.png',
    'live.png',
  ]) {
    rmSync(join(system.folder.root, part), { recursive: true, force: true });
  }
}
