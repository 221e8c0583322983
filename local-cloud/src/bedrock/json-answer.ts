import { z } from 'zod';

/** What an answer is made of. */
export interface Facts {
  /** A sentence that says what came. */
  description: string;
  /** Of the pictures. */
  count: number;
  /** Chooses among words: the same for the same pictures. */
  seed: number;
}

/**
 * A JSON value in the form of an example: strings say what came, lists have one item, numbers count the pictures.
 * Where the prompt lists the words of a member, one of them is taken.
 */
export function fillExample(example: unknown, prompt: string, facts: Facts, key = ''): unknown {
  if (typeof example === 'string') return wordFor(key, prompt, facts.seed) ?? facts.description;
  if (typeof example === 'number') return facts.count;
  if (typeof example === 'boolean') return facts.count > 0;
  if (Array.isArray(example)) return example.slice(0, 1).map((item) => fillExample(item, prompt, facts, key));
  if (typeof example === 'object' && example !== null)
    return Object.fromEntries(
      Object.entries(example).map(([member, value]) => [member, fillExample(value, prompt, facts, member)]),
    );
  return example;
}

/** Braces looked at: a prompt of nothing but braces must not keep the server busy. */
const maxCandidates = 100;

/** The first JSON object that stands in a prompt. */
export function exampleIn(prompt: string): unknown {
  const starts = [...prompt.matchAll(/\{/g)].slice(0, maxCandidates);
  for (const { index } of starts) {
    const text = balanced(prompt, index);
    if (text === undefined) continue;
    try {
      return JSON.parse(text);
    } catch {
      // Braces of another kind.
    }
  }
  return undefined;
}

/** From a brace to the one that closes it. */
function balanced(text: string, start: number): string | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1;
    if (text[at] === '}') depth -= 1;
    if (depth === 0) return text.slice(start, at + 1);
  }
  return undefined;
}

/** `"labels": …: person, car, dog.` offers three words for the member `labels`. */
function wordFor(key: string, prompt: string, seed: number): string | undefined {
  const line = prompt.split('\n').find((text) => /^\W*"/.test(text) && text.includes(`"${key}"`));
  const words = line
    ?.slice(line.lastIndexOf(':') + 1)
    .split(',')
    .map((word) => word.trim().replace(/\.$/, ''));
  if (words === undefined || words.length < 2 || !words.every((word) => /^[\w-]+$/.test(word)))
    return undefined;
  return words[seed % words.length];
}

const schemaSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  enum: z.array(z.unknown()).min(1).optional(),
  const: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  minItems: z.int().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  maxLength: z.int().optional(),
});

const maxDepth = 16;

/** A value that fits a JSON schema of the keywords above. */
export function fillSchema(schema: unknown, facts: Facts, depth = 0): unknown {
  const { data } = schemaSchema.safeParse(schema);
  if (data === undefined || depth > maxDepth) return facts.description;
  if (data.const !== undefined) return data.const;
  if (data.enum !== undefined) return data.enum[facts.seed % data.enum.length];
  switch ([data.type].flat()[0] ?? (data.properties === undefined ? 'string' : 'object')) {
    case 'object':
      return Object.fromEntries(
        Object.entries(data.properties ?? {}).map(([member, value]) => [
          member,
          fillSchema(value, facts, depth + 1),
        ]),
      );
    case 'array':
      return Array.from({ length: Math.max(1, Math.min(data.minItems ?? 1, 100)) }, () =>
        fillSchema(data.items, facts, depth + 1),
      );
    case 'integer':
    case 'number':
      return Math.min(Math.max(facts.count, data.minimum ?? facts.count), data.maximum ?? Infinity);
    case 'boolean':
      return facts.count > 0;
    case 'null':
      return null;
    default:
      return facts.description.slice(0, data.maxLength);
  }
}
