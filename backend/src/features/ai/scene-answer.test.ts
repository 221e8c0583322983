import { summarySchema } from '@aovis/contracts/http/video';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readScene } from './scene-answer.ts';

const answer = (summary: unknown, labels: unknown = ['person']): string =>
  JSON.stringify({ labels, summary });

describe('what a model answers', () => {
  it.each([
    ['as asked', answer('A person waits.')],
    ['in a fence', `\`\`\`json\n${answer('A person waits.')}\n\`\`\``],
    ['after a word', `Here it is: ${answer('A person waits.')}`],
    ['with more than was asked for', '{"labels":["person"],"summary":"A person waits.","names":["Ann"]}'],
  ])('is read %s', (_, text) => {
    expect(readScene(text)).toEqual({ labels: ['person'], summary: 'A person waits.' });
  });

  it.each([
    ['', 'nothing'],
    ['A person waits.', 'no JSON'],
    ['{"labels":["person"],"summary":"A per', 'cut off'],
    ['[]', 'a list'],
    [answer(7), 'a number as text'],
    [answer('x', 'person'), 'a text as labels'],
    [answer('x', [7]), 'numbers as labels'],
    [answer(' \n '), 'an empty text'],
  ])('%s is not used: %s', (text) => {
    expect(readScene(text)).toBeUndefined();
  });

  it('keeps the labels that we know, once each, and not too many', () => {
    expect(readScene(answer('x', ['dog', 'Ann Smith', 'person', 'dog']))?.labels).toEqual(['person', 'dog']);
    const all = ['person', 'car', 'truck', 'bicycle', 'dog', 'cat', 'bird', 'package', 'rain', 'outdoors'];
    expect(readScene(answer('x', all))?.labels).toHaveLength(8);
  });

  it.each([
    ['Two\n\tlines\u0000.', 'Two lines .'],
    ['Go to https://evil.example/x now or www.evil.example!', 'Go to now or'],
    ['<img src=x onerror=alert(1)>A dog', 'A dog'],
    ['**A dog** `runs`', 'A dog runs'],
    ['\u202egod A', 'god A'],
  ])('becomes plain text: %j', (summary, plain) => {
    expect(readScene(answer(summary))?.summary).toBe(plain);
  });

  it('is cut at a word', () => {
    const summary = readScene(answer('dog '.repeat(400)))?.summary ?? '';
    expect(summary.length).toBeLessThanOrEqual(600);
    expect(summary.endsWith('dog…')).toBe(true);
    expect(readScene(answer('\u{1f600}'.repeat(400)))?.summary.isWellFormed()).toBe(true);
  });

  it('is never more than the contract has', () => {
    const { labels, summary } = summarySchema.shape;
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), fc.array(fc.string()), (text, given) => {
        const scene = readScene(answer(text, given));
        if (scene === undefined) return;
        labels.parse(scene.labels);
        summary.parse(scene.summary);
      }),
    );
  });
});
