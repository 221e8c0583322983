/** Replaces what must not leave the board. Order matters: blocks before the lines they are made of. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, '[private key]'],
  // `"secretAccessKey":"…"`, also escaped in a string that holds JSON.
  [
    /(\\?"(?:[\w-]*(?:secret|password|passwd|token|cookie|authorization|private_?key|access_?key_?id|pairing\w*|credentials?)[\w-]*|key)\\?"\s*:\s*)(\\?")(?:(?!\2)(?:\\.|.))*\2/gi,
    '$1$2[redacted]$2',
  ],
  [
    /((?:secret|password|passwd|token|authorization|cookie|api[_-]?key)\s*[=:]\s*)(?:bearer\s+|basic\s+)?[^\s"',;&]+/gi,
    '$1[redacted]',
  ],
  [/(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi, '$1[redacted]'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, '[access key id]'],
  [/([?&]X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s"'\\]+/gi, '$1[redacted]'],
  // rtsp://user:password@camera
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'\\]+@/gi, '$1[redacted]@'],
  [/\beyJ[\w-]{10,}\.[\w-]{5,}\.[\w-]*/g, '[token]'],
];

/** Log text without keys, passwords, tokens and signatures, as far as they can be told by their looks. */
export function redact(text: string): string {
  return patterns.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}
