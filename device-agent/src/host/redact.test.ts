import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { redact } from './redact.ts';

const canary = 'CANARYsecret0123456789';

it.each([
  `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----`,
  `-----BEGIN EC PRIVATE KEY-----\n${canary}`,
  `{"secretAccessKey":"${canary}","region":"eu"}`,
  `{"level":"info","headers":{"authorization":"AWS4-HMAC-SHA256 Credential=${canary}/x, Signature=y"}}`,
  JSON.stringify({ message: JSON.stringify({ sessionToken: canary }) }),
  `{"key":"${canary}"}`,
  `{"pairingSecret" : "${canary}\\" and more"}`,
  `password=${canary}`,
  `Authorization: Bearer ${canary}`,
  `PUT https://b.s3.amazonaws.com/x?X-Amz-Credential=${canary}&X-Amz-Signature=${canary}&X-Amz-Security-Token=${canary}`,
  `rtsp://admin:${canary}@192.168.1.20/stream`,
  `AKIA${canary.toUpperCase().slice(0, 16)}`.replace('SECRET', 'SECRET'),
  `authorization: AWS4-HMAC-SHA256 Credential=${canary}/a/b, SignedHeaders=host, Signature=${canary}`,
  `{"msg":"AWS4-HMAC-SHA256 Credential=${canary}, Signature=${canary}"}`,
  `a=ice-ufrag:F7gI\r\na=ice-pwd:${canary}\r\n`,
  `{"activation_code":"${canary}"}`,
  `eyJhbGciOiJIUzI1NiJ9.${canary}.${canary}`,
])('leaves nothing of a secret in %j', (text) => {
  expect(redact(text)).not.toMatch(/CANARY/i);
});

it('leaves what a person needs', () => {
  const line =
    '{"level":"warn","time":"2026-11-20T10:00:00.000Z","part":"iot","code":"network","keepAliveSeconds":45,"msg":"The network is unreachable: check the cable."}';
  expect(redact(line)).toBe(line);
});

it('takes any text, and the same text twice is the same', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 2_000 }), (text) => {
      const once = redact(text);
      expect(redact(once)).toBe(once);
    }),
  );
});

it.each([
  '{"level":"error","msg":"rtsp://a:b@cam/ failed: authorization: Basic YWRtaW46aHVudGVy"}',
  '{"msg":"got {\\"password\\":\\"hunter2\\"} of -----BEGIN PRIVATE KEY-----\\nMIGH\\n-----END PRIVATE KEY-----"}',
  '{"headers":{"authorization":"AWS4-HMAC-SHA256 Credential=a/b, Signature=c"},"msg":"x"}',
])('leaves JSON what it was: %s', (text) => {
  JSON.parse(redact(text));
});
