import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Sealer } from './sealer.ts';

describe('Sealer', () => {
  const sealer = new Sealer('a secret of the service', 'answers');

  it('opens what it sealed, whatever it is', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, place) => {
        const sealed = sealer.seal(text, place);
        expect(sealer.open(sealed, place)).toBe(text);
        expect(new Sealer('a secret of the service', 'answers').open(sealed, place)).toBe(text);
      }),
    ));

  it('never seals the same text alike, and shows none of it', () => {
    const sealed = sealer.seal('a token', 'here');
    expect(sealer.seal('a token', 'here')).not.toBe(sealed);
    expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('token');
  });

  it('opens nothing of another secret, purpose or place, and nothing that was changed', () => {
    const sealed = sealer.seal('a token', 'here');
    expect(sealer.open(sealed, 'there')).toBeUndefined();
    expect(new Sealer('another secret', 'answers').open(sealed, 'here')).toBeUndefined();
    expect(new Sealer('a secret of the service', 'letters').open(sealed, 'here')).toBeUndefined();
    const bytes = Buffer.from(sealed, 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      expect(sealer.open(changed.toString('base64url'), 'here')).toBeUndefined();
      expect(sealer.open(bytes.subarray(0, at).toString('base64url'), 'here')).toBeUndefined();
    }
  });
});
