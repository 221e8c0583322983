interface Node<T> {
  children: Map<string, Node<T>>;
  values: Set<T>;
}

const newNode = <T>(): Node<T> => ({ children: new Map(), values: new Set() });

/**
 * Values under MQTT topic filters, found by topic. Matching is AWS IoT's: `sensor/#` does not match `sensor` itself
 * (AWS IoT Developer Guide, "MQTT topics"), and a wildcard at the first level matches no `$` topic [MQTT-4.7.2-1].
 */
export class TopicFilterTree<T> {
  readonly #root = newNode<T>();

  add(filter: string, value: T): void {
    let node = this.#root;
    for (const level of filter.split('/')) {
      let child = node.children.get(level);
      if (child === undefined) {
        child = newNode();
        node.children.set(level, child);
      }
      node = child;
    }
    node.values.add(value);
  }

  remove(filter: string, value: T): void {
    const path: { parent: Node<T>; level: string }[] = [];
    let node = this.#root;
    for (const level of filter.split('/')) {
      const child = node.children.get(level);
      if (child === undefined) return;
      path.push({ parent: node, level });
      node = child;
    }
    node.values.delete(value);
    for (const { parent, level } of path.toReversed()) {
      const child = parent.children.get(level);
      if (child !== undefined && (child.values.size > 0 || child.children.size > 0)) break;
      parent.children.delete(level);
    }
  }

  clear(): void {
    this.#root.children.clear();
  }

  /** Every value whose filter matches, each once. */
  match(topic: string): Set<T> {
    const found = new Set<T>();
    collect(this.#root, topic.split('/'), 0, found);
    return found;
  }
}

function collect<T>(node: Node<T>, levels: readonly string[], depth: number, found: Set<T>): void {
  const level = levels[depth];
  if (level === undefined) {
    for (const value of node.values) found.add(value);
    return;
  }
  const exact = node.children.get(level);
  if (exact !== undefined) collect(exact, levels, depth + 1, found);
  if (depth === 0 && level.startsWith('$')) return;
  const one = node.children.get('+');
  if (one !== undefined) collect(one, levels, depth + 1, found);
  for (const value of node.children.get('#')?.values ?? []) found.add(value);
}
