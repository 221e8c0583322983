import { expect, it } from '@jest/globals';
import { sendIfOpen } from './send-if-open.ts';

/** A way that another thread closes just before what is sent goes out. */
class Way {
  open = true;
  isOpen(): boolean {
    return this.open;
  }
}

it('loses what is sent on a way that closes meanwhile, and nothing else', () => {
  const way = new Way();
  const closes = (): never => {
    way.open = false;
    throw new Error('Track is closed');
  };
  expect(() => sendIfOpen(way, closes)).not.toThrow();
  sendIfOpen(way, () => {
    throw new Error('asked on a closed way');
  });
});

it('tells of a failure of an open one', () => {
  const fails = (): never => {
    throw new Error('Message size exceeds limit');
  };
  expect(() => sendIfOpen(new Way(), fails)).toThrow('Message size');
});
