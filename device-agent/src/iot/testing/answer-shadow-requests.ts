import type { TestBroker } from './test-broker.ts';

/** Enough of the shadow service for a board that has no shadow yet. */
export function answerShadowRequests(on: TestBroker): void {
  on.onReceived = ({ topic, payload }) => {
    if (!topic.startsWith('$aws/') || !/\/(get|update)$/.test(topic)) return;
    const { clientToken, state: sent } = JSON.parse(payload);
    if (topic.endsWith('/get'))
      on.send(`${topic}/rejected`, JSON.stringify({ code: 404, message: 'x', clientToken }));
    else on.send(`${topic}/accepted`, JSON.stringify({ state: sent, version: 7, timestamp: 0, clientToken }));
  };
}
