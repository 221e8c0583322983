import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * All state that outlives the process: named tables of JSON documents in one SQLite file (WAL; a killed process loses
 * nothing that was written). Each table is held in memory as well, so that reads cost nothing.
 */
export class Store {
  readonly #database: DatabaseSync;
  readonly #tables = new Map<string, Table<unknown>>();

  constructor(file: string) {
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.#database = new DatabaseSync(file);
    this.#database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ' +
        'CREATE TABLE IF NOT EXISTS documents (collection TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (collection, key)) WITHOUT ROWID',
    );
  }

  /** The table of that name; the same object for the same name. */
  table<T>(name: string): Table<T> {
    const existing = this.#tables.get(name) as Table<T> | undefined;
    if (existing !== undefined) return existing;
    const table = new Table<T>(this.#database, name);
    this.#tables.set(name, table as Table<unknown>);
    return table;
  }

  /** Runs `work` so that its writes are kept together or not at all. Synchronous, like every access here. */
  transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      for (const table of this.#tables.values()) table.reload();
      throw error;
    }
  }

  /** Forgets everything. */
  reset(): void {
    this.#database.exec('DELETE FROM documents');
    for (const table of this.#tables.values()) table.reload();
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** A persisted map from key to JSON document, in insertion order of this run and key order of earlier ones. */
export class Table<T> {
  readonly #database: DatabaseSync;
  readonly #name: string;
  readonly #rows = new Map<string, T>();
  /** Grows whenever the table was read anew (reset, rollback), so that what was derived from it can follow. */
  revision = 0;

  constructor(database: DatabaseSync, name: string) {
    this.#database = database;
    this.#name = name;
    this.reload();
  }

  get(key: string): T | undefined {
    return this.#rows.get(key);
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  get size(): number {
    return this.#rows.size;
  }

  values(): IterableIterator<T> {
    return this.#rows.values();
  }

  entries(): IterableIterator<[string, T]> {
    return this.#rows.entries();
  }

  put(key: string, value: T): void {
    this.#database
      .prepare(
        'INSERT INTO documents (collection, key, value) VALUES (?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value',
      )
      .run(this.#name, key, JSON.stringify(value));
    this.#rows.set(key, value);
  }

  delete(key: string): boolean {
    this.#database.prepare('DELETE FROM documents WHERE collection = ? AND key = ?').run(this.#name, key);
    return this.#rows.delete(key);
  }

  reload(): void {
    this.revision += 1;
    this.#rows.clear();
    const rows = this.#database
      .prepare('SELECT key, value FROM documents WHERE collection = ? ORDER BY key')
      .all(this.#name);
    for (const row of rows) this.#rows.set(String(row['key']), JSON.parse(String(row['value'])) as T);
  }
}
