/** A path template such as `/things/{thingName}`; `{topic+}` takes the rest of the path. */
export class PathPattern {
  readonly #pattern: RegExp;
  readonly #names: string[] = [];

  constructor(template: string) {
    const source = template
      .split(/(\{[^}]+\})/)
      .map((part) => {
        if (!part.startsWith('{')) return part.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
        const greedy = part.endsWith('+}');
        this.#names.push(part.slice(1, greedy ? -2 : -1));
        return greedy ? '(.+)' : '([^/]+)';
      })
      .join('');
    this.#pattern = new RegExp(`^${source}/?$`);
  }

  /** The values of the template, percent-decoded; undefined when the path does not fit or is encoded badly. */
  match(path: string): Record<string, string> | undefined {
    const match = this.#pattern.exec(path);
    if (match === null) return undefined;
    try {
      return Object.fromEntries(this.#names.map((name, i) => [name, decodeURIComponent(match[i + 1] ?? '')]));
    } catch {
      return undefined;
    }
  }
}
