// JSON schemas as lists of fields for people.

export function element(name, text, children = []) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  node.append(...children);
  return node;
}

/** Text with `code` and **emphasis** in it. */
export function prose(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith('`')) return element('code', part.slice(1, -1));
    return part.startsWith('**') ? element('strong', part.slice(2, -2)) : part;
  });
}

/** `string | null`, `device[]`, `"a" | "b"` … */
function typeOf(schema, resolve) {
  const { type, const: only, enum: choices, anyOf, oneOf, items } = resolve(schema);
  if (only !== undefined) return JSON.stringify(only);
  if (choices) return choices.map((choice) => JSON.stringify(choice)).join(' | ');
  if (anyOf ?? oneOf) return (anyOf ?? oneOf).map((choice) => typeOf(choice, resolve)).join(' | ');
  if (type === 'array') return `${items ? typeOf(items, resolve) : 'any'}[]`;
  return Array.isArray(type) ? type.join(' | ') : (type ?? 'any');
}

function limitsOf({
  format,
  pattern,
  minLength,
  maxLength,
  minimum,
  maximum,
  minItems,
  maxItems,
  default: usual,
}) {
  return [
    format,
    pattern && `matches ${pattern}`,
    rangeOf(minLength, maxLength, 'characters'),
    rangeOf(minItems, maxItems, 'items'),
    rangeOf(minimum, maximum, ''),
    usual !== undefined && `${JSON.stringify(usual)} when absent`,
  ].filter(Boolean);
}

function rangeOf(min, max, unit) {
  // The bounds of every safe integer say nothing.
  const top = max === Number.MAX_SAFE_INTEGER ? undefined : max;
  const bottom = min === Number.MIN_SAFE_INTEGER ? undefined : min;
  if (top === undefined && bottom === undefined) return undefined;
  if (top === bottom) return `${top} ${unit}`.trim();
  if (top === undefined) return `at least ${bottom} ${unit}`.trim();
  return bottom === undefined ? `at most ${top} ${unit}`.trim() : `${bottom} to ${top} ${unit}`.trim();
}

/** The object of a schema, its items or its choices that have fields. */
function objectsOf(schema, resolve) {
  const { properties, items, anyOf, oneOf } = resolve(schema);
  if (properties) return [resolve(schema)];
  return [items, ...(anyOf ?? oneOf ?? [])].filter(Boolean).flatMap((part) => objectsOf(part, resolve));
}

/** The fields of a schema, nested ones inside. */
export function fieldList(schema, resolve) {
  const objects = objectsOf(schema, resolve);
  if (objects.length === 0) return element('p', typeOf(schema, resolve));
  const lists = objects.map(({ properties, required = [] }) =>
    element(
      'dl',
      undefined,
      Object.entries(properties).flatMap(([name, field]) =>
        fieldEntry(name, field, required.includes(name), resolve),
      ),
    ),
  );
  return lists.length === 1
    ? lists[0]
    : element(
        'div',
        undefined,
        lists.flatMap((list) => ['One of:', list]),
      );
}

function fieldEntry(name, reference, required, resolve) {
  const field = resolve(reference);
  const words = [typeOf(field, resolve), ...limitsOf(field), ...(required ? [] : ['may be absent'])];
  const nested = objectsOf(field, resolve).length > 0;
  return [
    element('dt', undefined, [element('code', name), ` ${words.join(' · ')}`]),
    ...(field.description ? [element('dd', undefined, prose(field.description))] : []),
    ...(nested ? [element('dd', undefined, [fieldList(field, resolve)])] : []),
  ];
}
