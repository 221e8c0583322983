import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { boardPolicy, closed, everythingPolicy, received, TestCloud } from './testing/test-cloud.ts';

let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start();
});
afterEach(async () => cloud.stop());

describe('connecting', () => {
  it('lets a registered board in, and its messages through', async () => {
    const board = await cloud.connect(await cloud.board('board-1'));
    await board.subscribeAsync('aovis/board-1/command', { qos: 1 });
    const message = received(board);
    cloud.broker.publish({ topic: 'aovis/board-1/command', payload: 'go', qos: 1 });
    expect(await message).toEqual({ topic: 'aovis/board-1/command', text: 'go' });
  });
});
