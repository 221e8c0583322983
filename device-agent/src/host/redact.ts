const cover = '[redacted]';

/** Replaces what must not leave the board. Order matters: blocks before the lines they are made of. */
const patterns: readonly (readonly [RegExp, string])[] = [
  // A block that is cut off is covered to the end of what there is.
  [/-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, '[private key]'],
  // `"secretAccessKey":"…"`, also escaped in a string that holds JSON.
  [
    /(\\?"(?:[\w-]*(?:secret|password|passwd|token|cookie|authorization|private_?key|access_?key_?id|pairing\w*|activation_?code|credentials?)[\w-]*|key)\\?"\s*:\s*)(\\?")(?:(?!\2)(?:\\.|.))*\2/gi,
    `$1$2${cover}$2`,
  ],
  // Of a signed request (IAM User Guide, "Authentication methods").
  [/\b(AWS4-HMAC-SHA256\s+)[^"'\\\r\n]+/g, `$1${cover}`],
  [
    /((?:secret|password|passwd|token|authorization|cookie|api[_-]?key)\s*[=:]\s*)(?:bearer\s+|basic\s+)?(?!AWS4-)[^\s"',;&]+/gi,
    `$1${cover}`,
  ],
  [/(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi, `$1${cover}`],
  // IAM User Guide, "Understanding unique ID prefixes".
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, '[access key id]'],
  [/(X-Amz-(?:Signature|Security-Token|Credential)(?:=|%3D))[^&\s"'\\]+/gi, `$1${cover}`],
  // rtsp://user:password@camera
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/"'\\]*@/gi, `$1${cover}@`],
  // RFC 8839, 5.4.
  [/\b(a=ice-pwd:)[^\s\\"]+/g, `$1${cover}`],
  [/\beyJ[\w-]{10,}\.[\w-]{5,}\.[\w-]*/g, '[token]'],
];

/** Text without keys, passwords, tokens and signatures, as far as they can be told by their looks. */
export function redact(text: string): string {
  return patterns.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}
