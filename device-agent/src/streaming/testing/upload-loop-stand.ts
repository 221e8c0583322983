import { createLogger } from '../../host/logger.ts';
import { FakeClock, settle } from '../../testing/fake-clock.ts';
import type { Ack } from '../ack-parser.ts';
import { Fragment } from '../fragment.ts';
import { FragmentBuffer } from '../fragment-buffer.ts';
import type { Connection, ConnectionListener } from '../put-media-connection.ts';
import type { ProducerTimeRange } from '../stored-fragments.ts';
import { type ConnectRequest, UploadLoop } from '../upload-loop.ts';

/** A connection whose other end the test plays. */
export class FakeConnection implements Connection {
  readonly listener: ConnectionListener;
  readonly openedAt: number;
  readonly written: string[] = [];
  ended = false;
  closed = false;
  full = false;

  constructor(listener: ConnectionListener, openedAt: number) {
    this.listener = listener;
    this.openedAt = openedAt;
  }

  write(chunk: Buffer): boolean {
    this.written.push(chunk.toString('latin1'));
    return !this.full;
  }

  endBody(): void {
    this.ended = true;
  }

  close(): void {
    this.closed = true;
  }

  ack(eventType: string, second?: number, more: Partial<Ack> = {}): void {
    const named = second === undefined ? {} : { FragmentTimecode: second * 1_000 };
    this.listener.onAck({ EventType: eventType, ...named, ...more });
  }

  acknowledge(second: number): void {
    for (const eventType of ['BUFFERING', 'RECEIVED', 'PERSISTED']) this.ack(eventType, second);
  }

  breakOff(): void {
    this.listener.onEnd({ kind: 'broken', reason: 'read ECONNRESET' });
  }
}

export const segment = { header: Buffer.from('<header>') };

/** A whole fragment of one second, two pictures. */
export function fragmentAt(second: number, of = segment): Fragment {
  const fragment = new Fragment(of, second * 1_000);
  fragment.append(Buffer.from(`<${second}a>`), second * 1_000);
  fragment.append(Buffer.from(`<${second}b>`), second * 1_000 + 500);
  fragment.close();
  return fragment;
}

const running: { loop: UploadLoop; clock: FakeClock }[] = [];

/** To be called after each test. */
export async function stopLoops(): Promise<void> {
  for (const { loop, clock } of running.splice(0)) await Promise.all([loop.stop(0), clock.advance(0)]);
}

/** A started loop, the connections it makes, and what the service answers. */
export function startLoop({ credentialsLastMs = 3_600_000 } = {}) {
  const clock = new FakeClock();
  const buffer = new FragmentBuffer({ maxBytes: 1_000_000, maxDurationMs: 1_000_000 });
  const connections: FakeConnection[] = [];
  const requests: ConnectRequest[] = [];
  const counts = { rediscovered: 0, persisted: 0, forgotten: 0 };
  const faults: {
    connect?: Error | undefined;
    credentials?: Error | undefined;
    archive?: Error | undefined;
    list?: Error;
  } = {};
  const asked: ProducerTimeRange[] = [];
  const stored = new Set<number>();
  let issuedAt = clock.now();
  const loop = new UploadLoop({
    buffer,
    clock,
    logger: createLogger({ level: 'silent' }),
    random: () => 0.5,
    credentials: {
      forget: () => {
        counts.forgotten++;
      },
      get: () => {
        if (faults.credentials !== undefined) return Promise.reject(faults.credentials);
        // As the agent's own cache: renewed when fewer than 5 minutes are left.
        if (issuedAt + credentialsLastMs - clock.now() < 300_000) issuedAt = clock.now();
        const expiresAt = new Date(issuedAt + credentialsLastMs);
        return Promise.resolve({ accessKeyId: 'a', secretAccessKey: 's', sessionToken: 't', expiresAt });
      },
    },
    connect: (request) => {
      if (faults.connect !== undefined) return Promise.reject(faults.connect);
      const connection = new FakeConnection(request.listener, clock.monotonic());
      requests.push(request);
      connections.push(connection);
      return Promise.resolve(connection);
    },
    findArchive: () =>
      faults.archive === undefined
        ? Promise.resolve(new URL('https://b-1.kinesisvideo.test'))
        : Promise.reject(faults.archive),
    findStored: (_endpoint, range) => {
      asked.push(range);
      return faults.list === undefined ? Promise.resolve(stored) : Promise.reject(faults.list);
    },
    onRediscover: () => counts.rediscovered++,
    onPersisted: () => counts.persisted++,
    onChange: () => undefined,
  });
  running.push({ loop, clock });
  loop.start();
  const send = async (...fragments: Fragment[]): Promise<void> => {
    for (const fragment of fragments) buffer.add(fragment);
    loop.advance();
    await settle();
  };
  /** Lets seconds pass with the housekeeping that the uploader does in each. */
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      await clock.advance(1_000);
      loop.housekeep();
      await settle();
    }
  };
  const connection = (index: number): FakeConnection => connections[index] as FakeConnection;
  return {
    clock,
    buffer,
    loop,
    connections,
    connection,
    requests,
    counts,
    faults,
    asked,
    stored,
    send,
    pass,
  };
}
