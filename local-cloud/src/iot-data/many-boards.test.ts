import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { TestDataPlane } from './testing/test-data-plane.ts';

const count = 300;
let plane: TestDataPlane;
beforeEach(async () => {
  plane = await TestDataPlane.start();
});
afterEach(async () => plane.stop());

it(`carries ${count} boards at once: connect, report, receive, all to the right one`, async () => {
  const boards = await Promise.all(
    Array.from({ length: count }, async (_, i) => plane.cloud.board(`board-${i}`)),
  );
  const clients = await Promise.all(
    boards.map(async (board) => plane.cloud.connect(board, { clean: false })),
  );
  expect(plane.cloud.broker.connections()).toHaveLength(count);

  const accepted = await Promise.all(
    clients.map(async (client, i) => {
      const prefix = `$aws/things/board-${i}/shadow`;
      await client.subscribeAsync([`${prefix}/update/accepted`, `aovis/board-${i}/command`], { qos: 1 });
      const messages: string[] = [];
      const both = new Promise<string[]>((resolve) => {
        client.on('message', (topic) => {
          messages.push(topic);
          if (messages.length === 2) resolve(messages);
        });
      });
      await client.publishAsync(`${prefix}/update`, JSON.stringify({ state: { reported: { i } } }), {
        qos: 1,
      });
      plane.cloud.broker.publish({ topic: `aovis/board-${i}/command`, payload: '{}', qos: 1 });
      return both;
    }),
  );
  for (const [i, topics] of accepted.entries()) {
    expect(topics.toSorted()).toEqual([
      `$aws/things/board-${i}/shadow/update/accepted`,
      `aovis/board-${i}/command`,
    ]);
  }
}, 60_000);
