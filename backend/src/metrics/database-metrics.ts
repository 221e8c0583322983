import { Gauge, type Registry } from 'prom-client';
import { type Database, poolOf } from '../db/database.ts';

interface OutboxRow {
  waiting: string;
  dead: string;
  oldest_seconds: number;
}

/** Connections of this instance, and what all instances share: read when Prometheus asks. */
export function addDatabaseMetrics(registry: Registry, db: Database): void {
  const registers = [registry];
  const pool = poolOf(db);
  new Gauge({
    name: 'aovis_database_connections',
    help: 'Connections of this instance by state, and requests that wait for one',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'used' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'free' }, pool.idleCount);
      this.set({ state: 'awaited' }, pool.waitingCount);
    },
  });
  const messages = new Gauge({
    name: 'aovis_outbox_messages',
    help: 'Messages in the outbox of all instances: due or on their way (waiting), or given up (dead)',
    labelNames: ['state'],
    registers,
    collect: () => read(),
  });
  const oldest = new Gauge({
    name: 'aovis_outbox_oldest_seconds',
    help: 'How long the oldest message that is due has been waiting',
    registers,
    collect: () => read(),
  });
  const reachable = new Gauge({
    name: 'aovis_database_reachable',
    help: '1 while this instance can ask the database; while it is 0, what only the database knows is left out',
    registers,
    collect: () => read(),
  });
  const read = onceAtATime(async () => {
    try {
      const { waiting, dead, oldest_seconds: oldestSeconds } = await readOutbox(db);
      messages.set({ state: 'waiting' }, Number(waiting));
      messages.set({ state: 'dead' }, Number(dead));
      oldest.set(oldestSeconds);
      reachable.set(1);
    } catch {
      // The other metrics matter most while the database is away. Readiness and the requests log why it is.
      messages.reset();
      oldest.remove();
      reachable.set(0);
    }
  });
}

async function readOutbox(db: Database): Promise<OutboxRow> {
  const { rows } = await db.raw<{ rows: [OutboxRow] }>(`
    SELECT count(*) FILTER (WHERE dead_at IS NULL AND available_at <= now()) AS waiting,
      count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead,
      coalesce(extract(epoch FROM now() - min(available_at)
        FILTER (WHERE dead_at IS NULL AND available_at <= now())), 0)::float8 AS oldest_seconds
    FROM outbox`);
  return rows[0];
}

/** Prometheus reads all metrics in one go: those that are set together share one question. */
function onceAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
