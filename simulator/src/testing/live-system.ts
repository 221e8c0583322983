import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppClient } from '../app-client.ts';
import { Board } from '../board.ts';
import { buildAgent } from '../build-agent.ts';
import { admin } from '../cloud-setup.ts';
import { expectAnswer } from '../expect-answer.ts';
import { LocalSystem } from '../local-system.ts';
import { orderOf } from '../sample-order.ts';
import { waitFor } from '../wait-for.ts';

const batch = 'live';

export interface LiveSystemOptions {
  /** Default: a PostgreSQL of its own. */
  databaseUrl?: string;
  /** Of the agent, by variable. */
  settings: Record<string, string>;
  /** What the board's camera is; default the built-in clip. */
  source?: string;
}

/** A system with one board that Anna owns, and whose live view can be reached. */
export class LiveSystem {
  readonly system: LocalSystem;
  readonly board: Board;
  readonly anna: AppClient;
  readonly #directory: string;

  private constructor(parts: {
    system: LocalSystem;
    board: Board;
    anna: AppClient;
    directory: string;
  }) {
    this.system = parts.system;
    this.board = parts.board;
    this.anna = parts.anna;
    this.#directory = parts.directory;
  }

  static async start({ databaseUrl, settings, source }: LiveSystemOptions): Promise<LiveSystem> {
    const directory = await mkdtemp(join(tmpdir(), 'aovis-live-'));
    const system = new LocalSystem({ directory, databaseUrl });
    system.open();
    await system.startDatabase();
    await system.migrate();
    await system.startCloud();
    await system.startBackend();
    await system.prepareAccount();
    await system.prepareFactory();
    await system.factory.runBatch(system.factory.writeOrder(batch, [orderOf(1)]));
    const [provisioned] = system.factory.boards(batch);
    if (provisioned === undefined) throw new Error('The batch is empty.');
    await buildAgent();
    const { deviceId } = provisioned;
    const board = new Board(provisioned, {
      stateDirectory: system.folder.boardState(deviceId),
      logFile: system.folder.log(deviceId),
      settings,
    });
    board.start(source);
    const anna = new AppClient({ backendUrl: system.backendUrl, mailUrl: system.endpoints.mail.url });
    await anna.signIn('anna@example.com');
    expectAnswer(await anna.activate(deviceId, provisioned.activationCode), 200);
    const live = new LiveSystem({ system, board, anna, directory });
    await live.untilMaster();
    return live;
  }

  get deviceId(): string {
    return this.board.deviceId;
  }

  /** Until the board is master of its signaling channel. */
  async untilMaster(): Promise<void> {
    await waitFor('The board on its signaling channel', async () => {
      const { channels } = (await admin(this.system.endpoints, 'GET', '/_local/kinesis-signaling')) as {
        channels: { name: string; peers: { role: string }[] }[];
      };
      const channel = channels.find(({ name }) => name === `aovis-webrtc-${this.deviceId}`);
      return channel?.peers.some(({ role }) => role === 'MASTER') === true ? true : undefined;
    });
  }

  /** Does it to everybody connected to the channel: `go-away`, `reconnect-ice-server`, `disconnect`. */
  async signaling(verb: string, body?: unknown): Promise<void> {
    const path = `/_local/kinesis-signaling/channels/aovis-webrtc-${this.deviceId}/${verb}`;
    await admin(this.system.endpoints, 'POST', path, body);
  }

  /** Nothing reaches the board any more, and it says nothing: a cut of its uplink, as seen from everywhere else. */
  cutOff(): void {
    process.kill(this.board.process.pid, 'SIGSTOP');
  }

  uncut(): void {
    process.kill(this.board.process.pid, 'SIGCONT');
  }

  /** Somebody who is shown the board by Anna until `endShare`. */
  async shareWith(email: string): Promise<{ guest: AppClient; endShare: () => Promise<void> }> {
    const { backendUrl, endpoints } = this.system;
    const shares = `/api/devices/${this.deviceId}/shares`;
    const { share_id, url } = expectAnswer(
      await this.anna.call<{ share_id: string; url: string }>('POST', shares, {}),
      201,
    );
    const guest = new AppClient({ backendUrl, mailUrl: endpoints.mail.url });
    await guest.signIn(email);
    const token = new URL(url).hash.split('=')[1];
    expectAnswer(await guest.call('POST', '/api/shares/accept', { token }), 200);
    const endShare = async (): Promise<void> => {
      expectAnswer(await this.anna.call('DELETE', `${shares}/${share_id}`), 200);
    };
    return { guest, endShare };
  }

  async stop(): Promise<void> {
    await this.board.stop();
    await this.system.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
