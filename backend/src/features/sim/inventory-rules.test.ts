import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CardFileRefused, parseCardFile } from './card-file.ts';
import { type ListedCard, planInventory, type StoredCard } from './inventory-rules.ts';

const [a, b] = ['8944500102198304826', '8944500102198304834'];
const [eid, otherEid] = ['89'.repeat(16), '88'.repeat(16)];
const listed = (card: Partial<ListedCard> = {}): ListedCard => ({
  iccid: a,
  eid: undefined,
  imsi: undefined,
  status: undefined,
  ...card,
});
const stored = (card: Partial<StoredCard> = {}): StoredCard => ({
  ...listed(),
  status: 'provisioned',
  ...card,
});

describe('a list of cards', () => {
  it.each<[string, ListedCard[], StoredCard[], object]>([
    ['a new card', [listed()], [], { added: [listed()] }],
    ['a known card', [listed()], [stored()], { unchanged: 1 }],
    ['a known card with its digits and more', [listed({ eid })], [stored()], { changed: [stored({ eid })] }],
    [
      'a known card without its check digit',
      [listed({ iccid: a.slice(0, -1) })],
      [stored()],
      { unchanged: 1 },
    ],
    ['a known card with its check digit', [listed()], [stored({ iccid: a.slice(0, -1) })], { unchanged: 1 }],
    [
      'another state',
      [listed({ status: 'stopped' })],
      [stored()],
      { changed: [stored({ status: 'stopped' })] },
    ],
    ['no state', [listed()], [stored({ status: 'active' })], { unchanged: 1 }],
    [
      'another EID',
      [listed({ eid })],
      [stored({ eid: otherEid })],
      { reasons: ['eid_differs'], unchanged: 0 },
    ],
    ['another IMSI', [listed({ imsi: '2' })], [stored({ imsi: '1' })], { reasons: ['imsi_differs'] }],
    ['the EID of another', [listed({ eid })], [stored({ iccid: b, eid })], { reasons: ['eid_in_use'] }],
    ['one EID twice', [listed({ eid }), listed({ iccid: b, eid })], [], { reasons: ['eid_in_use'] }],
    [
      'the IMSI of another',
      [listed({ imsi: '1' })],
      [stored({ iccid: b, imsi: '1' })],
      { reasons: ['imsi_in_use'] },
    ],
    [
      'one IMSI twice',
      [listed({ imsi: '1' }), listed({ iccid: b, imsi: '1' })],
      [],
      { reasons: ['imsi_in_use'] },
    ],
    ['one card twice', [listed(), listed()], [], { reasons: ['listed_twice'] }],
    ['nothing of a card on record', [], [stored()], { missing: [stored()] }],
  ])('%s', (_, list, record, expected) => {
    const { conflicts, ...plan } = planInventory(list, record);
    expect({ ...plan, reasons: conflicts.map(({ reason }) => reason) }).toMatchObject(expected);
  });

  it('accounts for every card once', () => {
    const iccid = fc.constantFrom(a, b, a.slice(0, -1));
    const card = fc.record({
      iccid,
      eid: fc.constantFrom(undefined, eid, otherEid),
      imsi: fc.constantFrom(undefined, '1', '2'),
      status: fc.constant(undefined),
    });
    fc.assert(
      fc.property(fc.array(card, { maxLength: 5 }), (list) => {
        const { added, changed, unchanged, conflicts } = planInventory(list, [stored({ eid })]);
        expect(added.length + changed.length + unchanged + conflicts.length).toBe(list.length);
      }),
    );
  });
});

describe('a file of cards', () => {
  it('is read as spreadsheets save it', () => {
    expect(parseCardFile(`\ufeffICCID;IMSI;EID\r\n"${a}";208930000000001;${eid}\r\n${b};;\r\n\r\n`)).toEqual([
      listed({ imsi: '208930000000001', eid }),
      listed({ iccid: b }),
    ]);
    expect(parseCardFile(`iccid\n${a}\n`)).toEqual([listed()]);
  });

  it.each([
    ['', 'The first line must name'],
    ['imsi\n208930000000001', 'The first line must name'],
    ['iccid,pin\n1,2', 'The first line must name'],
    [`iccid\n${a.slice(0, -1)}7`, 'line 2: the last digit'],
    [`iccid,eid\n${a},12`, 'line 2: an EID is 32 digits'],
    [`iccid\n${a}\n${b},x`, 'line 3: there are more values'],
  ])('%j is refused: %s', (text, sentence) => {
    expect(() => parseCardFile(text)).toThrow(CardFileRefused);
    expect(() => parseCardFile(text)).toThrow(sentence);
    expect(() => parseCardFile(text)).not.toThrow(a);
  });
});
