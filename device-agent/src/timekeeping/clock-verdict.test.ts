import { describe, expect, it } from '@jest/globals';
import { type ClockVerdict, judgeClock } from './clock-verdict.ts';
import type { TimeAnswer } from './time-answer.ts';

const at = (text: string): number => Date.parse(text);
const builtAt = at('2026-10-01T00:00:00Z');
const validity = { notBefore: new Date('2026-11-01T00:00:00Z'), notAfter: new Date('2036-11-01T00:00:00Z') };

/** The cloud says `told`; its own certificate is of 2027 unless told otherwise. */
function judge(
  clock: string,
  told: string,
  server = { from: '2026-12-15T00:00:00Z', to: '2028-01-01T00:00:00Z' },
): ClockVerdict {
  const answer: TimeAnswer = {
    from: 'cloud:443',
    time: at(told),
    receivedAt: 1_000,
    notBefore: at(server.from),
    notAfter: at(server.to),
  };
  return judgeClock({ now: at(clock), monotonic: 1_000, answer, validity, builtAt });
}

describe('a clock held against the time the cloud tells', () => {
  it.each(['2027-05-01T00:00:00Z', '2027-04-30T23:56:00Z', '2027-05-01T00:04:59Z'])(
    'is right at %s',
    (clock) => {
      expect(judge(clock, '2027-05-01T00:00:00Z').kind).toBe('right');
    },
  );

  it.each([
    ['1970-01-01T00:00:10Z', 'behind'],
    ['2026-05-01T00:00:00Z', 'behind'],
    ['2027-03-01T00:00:00Z', 'behind'],
    ['2027-05-01T14:00:00Z', '14 h ahead'],
    ['2099-01-01T00:00:00Z', 'ahead'],
  ])('is wrong at %s and may be set', (clock, word) => {
    expect(judge(clock, '2027-05-01T00:00:00Z')).toMatchObject({
      kind: 'wrong',
      settable: true,
      time: at('2027-05-01T00:00:00Z'),
      sentence: expect.stringMatching(new RegExp(`${word}\\. Set it: sudo aovis-agent clock --set`)),
    });
  });

  it('is not set back by more than a day while it may be right: the key of an expired server would turn it back', () => {
    expect(judge('2027-05-02T00:00:01Z', '2027-05-01T00:00:00Z')).toMatchObject({ settable: false });
    expect(judge('2028-05-01T00:00:00Z', '2027-05-01T00:00:00Z')).toMatchObject({
      settable: false,
      sentence: expect.stringContaining(`type sudo date -u -s @${at('2027-05-01T00:00:00Z') / 1_000}`),
    });
  });

  it('counts the time since the answer came', () => {
    const answer = {
      from: 'cloud:443',
      time: at('2027-05-01T00:00:00Z'),
      receivedAt: 0,
      notBefore: 0,
      notAfter: 4e12,
    };
    const held = { now: at('2027-05-01T00:10:00Z'), monotonic: 600_000, answer, validity, builtAt };
    expect(judgeClock(held).kind).toBe('right');
  });
});

describe('an answer is not believed', () => {
  it.each([
    ['before the server’s certificate', '2026-12-14T00:00:00Z'],
    ['after it', '2028-02-01T00:00:00Z'],
  ])('%s', (_when, told) => {
    expect(judge('1970-01-01T00:00:00Z', told)).toMatchObject({
      kind: 'unbelievable',
      sentence: expect.stringContaining('its own certificate is valid from'),
    });
  });

  it.each([
    ['before the agent was built', '2026-09-01T00:00:00Z'],
    ['before the board’s certificate was issued', '2026-10-31T00:00:00Z'],
  ])('%s, though an old server’s key says so', (_when, told) => {
    const old = { from: '2025-01-01T00:00:00Z', to: '2026-12-01T00:00:00Z' };
    expect(judge('1970-01-01T00:00:00Z', told, old)).toMatchObject({
      kind: 'unbelievable',
      sentence: expect.stringContaining('this agent was built on 2026-10-01'),
    });
  });
});

it('an expired certificate of the board is told from a wrong clock', () => {
  const server = { from: '2036-10-01T00:00:00Z', to: '2037-10-01T00:00:00Z' };
  expect(judge('2036-12-01T00:00:00Z', '2036-12-01T00:00:00Z', server)).toMatchObject({
    kind: 'expired',
    sentence: expect.stringContaining('expired on 2036-11-01'),
  });
  expect(judge('2036-12-01T00:00:00Z', '2027-05-01T00:00:00Z')).toMatchObject({
    kind: 'wrong',
    settable: true,
  });
});
