/** A decoded form: lists are objects with the keys `0`, `1`, …; only the schema knows which is which. */
export interface FormTree {
  [key: string]: string | FormTree;
}

export class FormError extends Error {}

const maxDepth = 8;

/** Reads `a[b][0][c]=v` pairs into a tree, as Stripe's API takes them; `a[]=v` takes the next index. */
export function parseForm(text: string): FormTree {
  const root = emptyTree();
  for (const [name, value] of new URLSearchParams(text)) put(root, keysOf(name), value);
  return root;
}

function put(root: FormTree, keys: readonly string[], value: string): void {
  let tree = root;
  for (const key of keys.slice(0, -1)) {
    const name = key === '' ? String(Object.keys(tree).length) : key;
    const below = tree[name] ?? emptyTree();
    if (typeof below === 'string')
      throw new FormError(`Invalid request: ${keys.join('.')} is both a value and an object`);
    tree[name] = below;
    tree = below;
  }
  const last = keys.at(-1) ?? '';
  const name = last === '' ? String(Object.keys(tree).length) : last;
  if (typeof tree[name] === 'object')
    throw new FormError(`Invalid request: ${keys.join('.')} is both a value and an object`);
  tree[name] = value;
}

function keysOf(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
  if (match === null) throw new FormError(`Invalid parameter name: ${name}`);
  const [, first = '', rest = ''] = match;
  const keys = [first, ...[...rest.matchAll(/\[([^[\]]*)\]/g)].map(([, key = '']) => key)];
  if (keys.length > maxDepth) throw new FormError(`Parameters are nested too deeply: ${name}`);
  return keys;
}

/** Without a prototype: `__proto__` is a key like any other. */
function emptyTree(): FormTree {
  return Object.create(null) as FormTree;
}
