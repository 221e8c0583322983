import type { PoolClient } from 'pg';
import { type Database, openDatabase, poolOf } from '../db/database.ts';

/** A backend whose connections break at its n-th statement, before it is sent or right after: as when it is killed there. */
export function breakingDatabase(url: string, at: number, when: 'before' | 'after'): Database {
  const db = openDatabase({ url, poolSize: 1 });
  let statements = 0;
  poolOf(db).on('connect', (connection: PoolClient) => {
    const { stream } = Reflect.get(connection, 'connection');
    const query = connection.query.bind(connection) as (...given: unknown[]) => unknown;
    const breaking = (...given: unknown[]): unknown => {
      const isTheOne = ++statements === at;
      if (isTheOne && when === 'before') stream.destroy();
      const answer = query(...given);
      if (isTheOne && when === 'after') stream.end();
      return answer;
    };
    Reflect.set(connection, 'query', breaking);
  });
  return db;
}
