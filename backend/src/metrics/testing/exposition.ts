export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/**
 * Reads Prometheus' text format 0.0.4 by its grammar and throws on what does not fit: every sample has a type that was
 * told before, no name is told twice, and no sample comes twice.
 */
export function readExposition(text: string): Sample[] {
  if (!text.endsWith('\n')) throw new Error('the last line must end');
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const [, typed, type] =
      /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? [];
    if (typed !== undefined && type !== undefined) {
      if (types.has(typed)) throw new Error(`${typed} is told twice`);
      types.set(typed, type);
      continue;
    }
    const sample = readSample(line);
    const family = sample.name.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(sample.name) && !types.has(family)) throw new Error(`${sample.name} has no type`);
    const identity = line.slice(0, line.lastIndexOf(' '));
    if (seen.has(identity)) throw new Error(`${identity} comes twice`);
    seen.add(identity);
    samples.push(sample);
  }
  return samples;
}

function readSample(line: string): Sample {
  const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`);
  const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/g)];
  if (pairs.map(([whole]) => whole).join('') !== labels) throw new Error(`no labels: ${line}`);
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
  // Prometheus reads values with Go's ParseFloat, which takes any case; prom-client writes `Nan`.
  if (Number.isNaN(number) && value.toLowerCase() !== 'nan') throw new Error(`no value: ${line}`);
  return { name, labels: Object.fromEntries(pairs.map(([, key, text]) => [key, text])), value: number };
}
