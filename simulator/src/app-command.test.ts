import { expect, it } from '@jest/globals';
import { type AppActions, parseWords } from './app-command.ts';

/** Says what it was asked for, as an error: an answer of the backend is not the matter here. */
const app: AppActions = {
  call: async (...asked) => {
    throw new Error(JSON.stringify(['call', ...asked]));
  },
  activate: async (...asked) => {
    throw new Error(JSON.stringify(['activate', ...asked]));
  },
  configure: async (...asked) => {
    throw new Error(JSON.stringify(['configure', ...asked]));
  },
};

it.each([
  [['devices'], ['call', 'GET', '/api/devices']],
  [
    ['activate', 'board', 'CODE'],
    ['activate', 'board', 'CODE'],
  ],
  [
    ['configure', 'board', '{"camera":{"fps":10}}'],
    ['configure', 'board', { camera: { fps: 10 } }],
  ],
  [
    ['call', 'post', '/api/x', '{"a":1}'],
    ['call', 'POST', '/api/x', { a: 1 }],
  ],
])('%j asks for %j', async (words, asked) => {
  const wish = parseWords(words);
  if (wish.kind !== 'call') throw new Error(wish.kind);
  await expect(wish.call(app)).rejects.toThrow(JSON.stringify(asked));
});

it.each([[[]], [['configure', 'board']], [['call', 'GET', 'api']]])(
  '%j is answered with the usage',
  (words) => {
    expect(() => parseWords(words)).toThrow('npm run app -- <email> configure <board> <json settings');
  },
);

it('tells how to quote a body', () => {
  expect(() => parseWords(['configure', 'board', '{camera:1}'])).toThrow('quote it for the shell');
});
