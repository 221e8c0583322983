import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Clock } from '../kernel/clock.ts';
import { Store } from '../kernel/store.ts';
import type { Json, JsonObject } from './json.ts';
import { ShadowError } from './shadow-error.ts';
import { Shadows } from './shadows.ts';

const id = { thingName: 'board-1' };
const bytes = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

/** Shadows of their own, with a clock that stands at second 1000 until told. */
function setUp(limits = {}): {
  shadows: Shadows;
  clock: Clock;
  update: (request: unknown) => ReturnType<Shadows['update']>;
  state: () => Json | undefined;
} {
  const clock = new (class extends Clock {
    override now(): number {
      return 1_000_000 + this.offsetMs;
    }
  })();
  const shadows = new Shadows({ clock, store: new Store(':memory:') }, limits);
  shadows.throttling = false;
  return {
    shadows,
    clock,
    update: (request) => shadows.update(id, bytes(request)),
    state: () => shadows.get(id)['state'],
  };
}

const refusal = (run: () => unknown): [number, string, string | undefined] => {
  try {
    run();
  } catch (error) {
    if (error instanceof ShadowError) return [error.code, error.message, error.clientToken];
    throw error;
  }
  throw new Error('was not refused');
};

describe('an update', () => {
  it('answers with what it asked, and tells observers before and after', () => {
    const { update, clock } = setUp();
    expect(update({ state: { desired: { color: 'red' } }, clientToken: 't1' })).toEqual({
      accepted: {
        state: { desired: { color: 'red' } },
        metadata: { desired: { color: { timestamp: 1000 } } },
        version: 1,
        timestamp: 1000,
        clientToken: 't1',
      },
      delta: {
        version: 1,
        timestamp: 1000,
        state: { color: 'red' },
        metadata: { color: { timestamp: 1000 } },
        clientToken: 't1',
      },
      documents: {
        previous: { state: {}, metadata: {}, version: 0 },
        current: {
          state: { desired: { color: 'red' } },
          metadata: { desired: { color: { timestamp: 1000 } } },
          version: 1,
        },
        timestamp: 1000,
        clientToken: 't1',
      },
    });
    clock.shift(5000);
    expect(update({ state: { reported: { color: 'red', size: 2 } } })).toEqual({
      accepted: {
        state: { reported: { color: 'red', size: 2 } },
        metadata: { reported: { color: { timestamp: 1005 }, size: { timestamp: 1005 } } },
        version: 2,
        timestamp: 1005,
      },
      delta: undefined,
      documents: {
        previous: {
          state: { desired: { color: 'red' } },
          metadata: { desired: { color: { timestamp: 1000 } } },
          version: 1,
        },
        current: {
          state: { desired: { color: 'red' }, reported: { color: 'red', size: 2 } },
          metadata: {
            desired: { color: { timestamp: 1000 } },
            reported: { color: { timestamp: 1005 }, size: { timestamp: 1005 } },
          },
          version: 2,
        },
        timestamp: 1005,
      },
    });
  });

  it('merges objects, replaces arrays and leaves, and stamps only the leaves it names', () => {
    const { update, shadows, clock } = setUp();
    update({ state: { reported: { a: { b: 1, c: [1, 2, 3] }, d: 'x' } } });
    clock.shift(9000);
    update({ state: { reported: { a: { c: [{ e: 4 }, 5] } } } });
    expect(shadows.get(id)).toEqual({
      state: { reported: { a: { b: 1, c: [{ e: 4 }, 5] }, d: 'x' } },
      metadata: {
        reported: {
          a: { b: { timestamp: 1000 }, c: [{ e: { timestamp: 1009 } }, { timestamp: 1009 }] },
          d: { timestamp: 1000 },
        },
      },
      version: 2,
      timestamp: 1009,
    });
  });

  it('deletes by null: a leaf, a branch, a section, everything', () => {
    const { update, state, shadows } = setUp();
    update({ state: { desired: { a: 1, b: { c: 1, d: 2 } }, reported: { a: 1 } } });
    update({ state: { desired: { a: null, b: { c: null } } } });
    expect(state()).toEqual({ desired: { b: { d: 2 } }, reported: { a: 1 }, delta: { b: { d: 2 } } });
    update({ state: { desired: null } });
    expect(shadows.get(id)).toMatchObject({ state: { reported: { a: 1 } }, metadata: { reported: {} } });
    const { accepted } = update({ state: null });
    expect(accepted).toMatchObject({ state: { desired: null, reported: null }, version: 4 });
    expect(shadows.get(id)).toEqual({ state: {}, metadata: {}, version: 4, timestamp: 1000 });
  });

  it('takes a leaf for a branch and a branch for a leaf', () => {
    const { update, shadows } = setUp();
    update({ state: { reported: { a: 1, timestamp: { b: 2 } } } });
    update({ state: { reported: { a: { b: 1 }, timestamp: 5 } } });
    expect(shadows.get(id)).toMatchObject({
      state: { reported: { a: { b: 1 }, timestamp: 5 } },
      metadata: { reported: { a: { b: { timestamp: 1000 } }, timestamp: { timestamp: 1000 } } },
    });
    expect((shadows.get(id)['metadata'] as { reported: JsonObject }).reported['a']).toEqual({
      b: { timestamp: 1000 },
    });
  });

  it('treats every key as a key', () => {
    const { update, state } = setUp();
    const odd = '{"state":{"desired":{"__proto__":{"polluted":1},"constructor":2,"toString":null}}}';
    update(odd);
    expect(JSON.stringify(state())).toBe(
      '{"desired":{"__proto__":{"polluted":1},"constructor":2},"delta":{"__proto__":{"polluted":1},"constructor":2}}',
    );
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

describe('the delta', () => {
  it.each<[string, JsonObject, JsonObject, Json | undefined]>([
    ['an equal value', { a: 1 }, { a: 1 }, undefined],
    ['another value', { a: 1 }, { a: 2 }, { a: 1 }],
    ['another type', { a: 1 }, { a: '1' }, { a: 1 }],
    ['a missing value', { a: 1, b: 2 }, { b: 2 }, { a: 1 }],
    ['what is only reported', {}, { a: 1 }, undefined],
    ['a nested leaf', { a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, { a: { c: 2 } }],
    ['equal arrays', { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, undefined],
    ['arrays whole', { a: [1, 2] }, { a: [1, 3] }, { a: [1, 2] }],
    ['a branch against a leaf', { a: { b: 1 } }, { a: 1 }, { a: { b: 1 } }],
  ])('of %s', (_, desired, reported, expected) => {
    const { update } = setUp();
    const { delta } = update({ state: { desired, reported } });
    expect(delta?.['state']).toEqual(expected);
  });

  it('names all that differs, not what this update named, with the desired fields’ times', () => {
    const { update, clock, shadows } = setUp();
    update({ state: { desired: { a: 1, b: { c: 2 } } } });
    clock.shift(4000);
    const { delta } = update({ state: { reported: { x: 1 } }, clientToken: 't' });
    expect(delta).toEqual({
      state: { a: 1, b: { c: 2 } },
      metadata: { a: { timestamp: 1000 }, b: { c: { timestamp: 1000 } } },
      version: 2,
      timestamp: 1004,
      clientToken: 't',
    });
    expect(shadows.get(id)).toMatchObject({
      state: { delta: { a: 1, b: { c: 2 } } },
      metadata: { delta: { a: { timestamp: 1000 } } },
    });
  });

  it('comes back when a field is taken out of reported', () => {
    const { update } = setUp();
    update({ state: { desired: { a: 1 }, reported: { a: 1 } } });
    expect(update({ state: { reported: { a: null } } }).delta?.['state']).toEqual({ a: 1 });
  });

  it('applied to reported leaves no delta, whatever the state', () => {
    const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.string(), fc.array(fc.integer(), { maxLength: 3 }));
    const { node } = fc.letrec<{ node: JsonObject }>((tie) => ({
      node: fc.dictionary(
        fc.constantFrom('a', 'b', 'c', '__proto__'),
        fc.oneof({ maxDepth: 3 }, leaf, tie('node')),
        { maxKeys: 3 },
      ) as fc.Arbitrary<JsonObject>,
    }));
    fc.assert(
      fc.property(node, node, (desired, reported) => {
        const { update } = setUp();
        const { delta } = update({ state: { desired, reported } });
        if (delta === undefined) return;
        // A leaf in the way of a branch has to go first, as a device would do it.
        update({ state: { reported: null } });
        expect(update({ state: { reported: desired } }).delta).toBeUndefined();
      }),
    );
  });
});

describe('versions', () => {
  it('count accepted updates, and are compared only when sent', () => {
    const { update } = setUp();
    update({ state: { desired: { a: 1 } } });
    expect(update({ state: {}, version: 1 }).accepted['version']).toBe(2);
    expect(refusal(() => update({ state: {}, version: 1, clientToken: 't' }))).toEqual([
      409,
      'Version conflict',
      't',
    ]);
    expect(update({ state: {} }).accepted['version']).toBe(3);
  });

  it('go on after a deletion for 48 hours', () => {
    const { shadows, update, clock } = setUp();
    update({ state: {} });
    update({ state: {} });
    expect(shadows.delete(id, bytes({ clientToken: 't' }))).toEqual({
      version: 2,
      timestamp: 1000,
      clientToken: 't',
    });
    expect(refusal(() => shadows.get(id))[0]).toBe(404);
    expect(update({ state: {} }).accepted['version']).toBe(3);
    shadows.delete(id);
    clock.shift(48 * 3_600_000 + 1000);
    expect(update({ state: {} }).accepted['version']).toBe(1);
  });

  it('end by a delete whatever its body is, but for a client token that is none', () => {
    const { shadows, update } = setUp();
    update({ state: {} });
    expect(refusal(() => shadows.delete(id, bytes({ clientToken: 5 })))[0]).toBe(400);
    expect(shadows.delete(id, Buffer.from('no JSON'))).toEqual({ version: 1, timestamp: 1000 });
  });

  it('belong to each shadow alone', () => {
    const { shadows, update } = setUp();
    update({ state: { reported: { a: 1 } } });
    const config = { ...id, shadowName: 'config' };
    expect(shadows.update(config, bytes({ state: {} })).accepted['version']).toBe(1);
    expect(shadows.names('board-1')).toEqual(['config']);
    shadows.delete(config);
    expect(shadows.names('board-1')).toEqual([]);
    expect(shadows.get(id)['version']).toBe(1);
  });
});

describe('refusals', () => {
  it.each<[string, string | Buffer, number, string, string?]>([
    ['no JSON', '{', 400, 'Invalid JSON'],
    ['an array', '[]', 400, 'Invalid JSON'],
    ['nothing', '', 400, 'Invalid JSON'],
    ['no state', '{"clientToken":"t"}', 400, 'Missing required node: state', 't'],
    ['a state that is no object', '{"state":5}', 400, 'State node must be an object'],
    ['desired that is no object', '{"state":{"desired":[]}}', 400, 'Desired node must be an object'],
    ['reported that is no object', '{"state":{"reported":"x"}}', 400, 'Reported node must be an object'],
    ['an unknown section', '{"state":{"delta":{}}}', 400, 'State contains an invalid node'],
    ['null in an array', '{"state":{"desired":{"a":[null]}}}', 400, 'State contains an invalid node'],
    ['a version in words', '{"state":{},"version":"1"}', 400, 'Invalid version'],
    ['a negative version', '{"state":{},"version":-1}', 400, 'Invalid version'],
    ['a long token', `{"state":{},"clientToken":"${'é'.repeat(33)}"}`, 400, 'Invalid clientToken'],
    ['a token that is no string', '{"state":{},"clientToken":1}', 400, 'Invalid clientToken'],
    [
      'no UTF-8',
      Buffer.from([0x7b, 0xff, 0x7d]),
      415,
      'Unsupported documented encoding; supported encoding is UTF-8',
    ],
    [
      'nesting',
      `{"state":{"desired":${'{"a":'.repeat(9)}1${'}'.repeat(9)}}}`,
      400,
      'JSON contains too many levels of nesting; maximum is 8',
    ],
    [
      'size',
      JSON.stringify({ state: { desired: { a: 'x'.repeat(8200) } }, clientToken: 't' }),
      413,
      'The payload exceeds the maximum size allowed',
      't',
    ],
  ])('of %s', (_, payload, code, message, ...[clientToken]) => {
    const { shadows } = setUp();
    expect(refusal(() => shadows.update(id, Buffer.from(payload)))).toEqual([code, message, clientToken]);
    expect(refusal(() => shadows.get(id))).toEqual([404, "No shadow exists with name: 'board-1'", undefined]);
  });

  it('spare 8 levels, and a token of 64 bytes', () => {
    const { update } = setUp();
    update(`{"state":{"desired":${'{"a":'.repeat(8)}1${'}'.repeat(8)}},"clientToken":"${'é'.repeat(32)}"}`);
  });

  it('come for a document that grows too large bit by bit', () => {
    const { update } = setUp();
    update({ state: { desired: { a: 'x'.repeat(5000) } } });
    expect(refusal(() => update({ state: { reported: { a: 'x'.repeat(5000) } } }))[0]).toBe(413);
    update({ state: { reported: { a: 'x'.repeat(2000) } } });
  });

  it('come for more than 20 requests in a second to one thing', () => {
    const { shadows, clock, update } = setUp();
    shadows.throttling = true;
    for (let i = 0; i < 20; i += 1) update({ state: {} });
    expect(refusal(() => update({ state: {}, clientToken: 't' }))).toEqual([429, 'Too many requests', 't']);
    shadows.update({ thingName: 'other' }, bytes({ state: {} }));
    clock.shift(1000);
    update({ state: {} });
  });

  it('name the shadow that is not there', () => {
    const { shadows } = setUp();
    const named = { ...id, shadowName: 'simShadow1' };
    const wanted = [404, "No shadow exists with name: 'simShadow1'", 't'];
    expect(refusal(() => shadows.get(named, bytes({ clientToken: 't' })))).toEqual(wanted);
    expect(refusal(() => shadows.delete(named, bytes({ clientToken: 't' })))).toEqual(wanted);
  });

  it('never leave anything but a ShadowError or an accepted update, whatever comes', () => {
    const { shadows } = setUp();
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytes)), (payload) => {
        try {
          shadows.update(id, payload);
        } catch (error) {
          expect(error).toBeInstanceOf(ShadowError);
        }
      }),
    );
  });
});
