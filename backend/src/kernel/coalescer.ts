export interface CoalescerOptions {
  /** How many runs may be under way at a time. */
  lanes: number;
  /** How many items a run takes at most. */
  maxItems: number;
  /** Whether the items of a run that failed so are worth a try one by one; all of them fail alike otherwise. */
  isWorthAlone: (error: unknown) => boolean;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Gathers what comes while earlier runs are under way, and runs it together, as a database's group commit does: an item
 * that comes alone goes at once, and the more come, the more of them share the cost of a run.
 */
export class Coalescer<Item, Result> {
  readonly #run: (items: Item[]) => Promise<Result[]>;
  readonly #options: CoalescerOptions;
  #waiting: Waiting<Item, Result>[] = [];
  #underWay = 0;

  /** `run` gives one result for each item, in their order. */
  constructor(run: (items: Item[]) => Promise<Result[]>, options: CoalescerOptions) {
    this.#run = run;
    this.#options = options;
  }

  /** The item's own result. Rejects with what `run` threw, never because of another item. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#underWay < this.#options.lanes) void this.#lane();
    });
  }

  async #lane(): Promise<void> {
    this.#underWay += 1;
    while (this.#waiting.length > 0) await this.#settle(this.#waiting.splice(0, this.#options.maxItems));
    this.#underWay -= 1;
  }

  async #settle(group: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#run(group.map(({ item }) => item));
      group.forEach(({ resolve }, at) => {
        resolve(results[at] as Result);
      });
    } catch (error) {
      if (group.length > 1 && this.#options.isWorthAlone(error)) {
        for (const one of group) await this.#settle([one]);
      } else {
        for (const { reject } of group) reject(error);
      }
    }
  }
}
