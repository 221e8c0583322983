import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FormError, parseForm } from './form.ts';

it('reads nested names, with lists as objects', () => {
  expect(parseForm('a=1&m[k%20x]=v%26w&l[0][p][q]=x&l[1][p][q]=y&n[]=one&n[]=two')).toEqual({
    a: '1',
    m: { 'k x': 'v&w' },
    l: { 0: { p: { q: 'x' } }, 1: { p: { q: 'y' } } },
    n: { 0: 'one', 1: 'two' },
  });
});

it.each(['a[=1', ']=1', '=1', 'a=1&a[b]=2', 'a[b]=2&a=1', `a${'[b]'.repeat(9)}=1`])('refuses %s', (form) => {
  expect(() => parseForm(form)).toThrow(FormError);
});

it('takes __proto__ for a name like any other', () => {
  parseForm('__proto__[polluted]=yes&constructor[prototype][polluted]=yes');
  expect('polluted' in {}).toBe(false);
});

it('reads or refuses whatever comes', () => {
  const piece = fc.constantFrom('a', 'b', '[', ']', '[0]', '[]', '=', '&', '%', '__proto__', 'é');
  fc.assert(
    fc.property(
      fc.array(piece).map((pieces) => pieces.join('')),
      (form) => {
        try {
          parseForm(form);
        } catch (error) {
          expect(error).toBeInstanceOf(FormError);
        }
      },
    ),
  );
});
