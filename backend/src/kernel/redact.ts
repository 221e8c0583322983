const blank = '[redacted]';

/** Names of fields whose value never reaches a log. */
const secretName =
  /authorization|cookie|password|secret|pepper|signature|activation_?code|token|^jws$|^manifest$|iccid|imsi|^eid$|connectionstring/i;

/** Secrets inside texts: JSON web tokens, bearer headers, passwords in addresses, whole SIM card numbers, and what JSON.parse quotes. */
const secretShapes: [RegExp, string][] = [
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, blank],
  [/\bBearer\s+[^\s"']+/gi, `Bearer ${blank}`],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi, `$1:${blank}@`],
  [/\b89\d{16,18}\b/g, blank],
  [/"[\s\S]*?" is not valid JSON/g, `${blank} is not valid JSON`],
];
/** In every text that one of the shapes fits, and in hardly any other: nearly all texts are done with one look. */
const hint = /eyJ|bearer|:\/\/|89\d{16}|not valid JSON/i;
const deepest = 6;

/** A copy in which secrets are blanked, by the name of the field and by the shape of the text. Errors become plain objects. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') {
    if (!hint.test(value)) return value;
    return secretShapes.reduce((text, [shape, instead]) => text.replace(shape, instead), value);
  }
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= deepest) return '[deeper]';
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Error) return redact(plainError(value), depth + 1);
  const copy: Record<string, unknown> = Object.create(null);
  for (const [name, item] of Object.entries(value))
    copy[name] = secretName.test(name) && isFilled(item) ? blank : redact(item, depth + 1);
  return copy;
}

function isFilled(item: unknown): boolean {
  return typeof item !== 'boolean' && item !== null && item !== undefined;
}

/** `details` is what the caller is told. PostgreSQL's own `detail` quotes rows, so it is not taken along. */
function plainError(error: Error): Record<string, unknown> {
  const { code, details, constraint } = error as Error & Record<string, unknown>;
  return {
    type: error.name,
    message: error.message,
    ...(code !== undefined && { code }),
    ...(constraint !== undefined && { constraint }),
    ...(details !== undefined && { details }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && { cause: error.cause }),
  };
}
