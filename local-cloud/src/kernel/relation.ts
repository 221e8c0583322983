import type { Table } from './store.ts';

interface Link<T> {
  left: string;
  right: string;
  value: T;
}

/** A persisted many-to-many relation, looked up from either side without a search. */
export class Relation<T> {
  readonly #table: Table<Link<T>>;
  readonly #byLeft = new Map<string, Map<string, T>>();
  readonly #byRight = new Map<string, Map<string, T>>();
  #revision = -1;

  constructor(table: Table<Link<T>>) {
    this.#table = table;
  }

  link(left: string, right: string, value: T): void {
    this.#follow();
    this.#table.put(keyOf(left, right), { left, right, value });
    this.#index(left, right, value);
  }

  unlink(left: string, right: string): boolean {
    this.#follow();
    this.#byLeft.get(left)?.delete(right);
    this.#byRight.get(right)?.delete(left);
    return this.#table.delete(keyOf(left, right));
  }

  find(left: string, right: string): T | undefined {
    return this.rightsOf(left).get(right);
  }

  /** What `left` is linked to, in the order it was linked. */
  rightsOf(left: string): ReadonlyMap<string, T> {
    this.#follow();
    return this.#byLeft.get(left) ?? new Map();
  }

  leftsOf(right: string): ReadonlyMap<string, T> {
    this.#follow();
    return this.#byRight.get(right) ?? new Map();
  }

  #follow(): void {
    if (this.#revision === this.#table.revision) return;
    this.#revision = this.#table.revision;
    this.#byLeft.clear();
    this.#byRight.clear();
    for (const { left, right, value } of this.#table.values()) this.#index(left, right, value);
  }

  #index(left: string, right: string, value: T): void {
    entry(this.#byLeft, left).set(right, value);
    entry(this.#byRight, right).set(left, value);
  }
}

/** No name in AWS holds a line feed. */
function keyOf(left: string, right: string): string {
  return `${left}\n${right}`;
}

function entry<T>(index: Map<string, Map<string, T>>, key: string): Map<string, T> {
  const existing = index.get(key);
  if (existing !== undefined) return existing;
  const made = new Map<string, T>();
  index.set(key, made);
  return made;
}
