import { Agent, request } from 'node:http';
import type { OneRequest, Requests } from './load.ts';

/**
 * Sends `rate` requests a second, evenly, over 50 connections, whether or not the earlier ones are answered, and counts each
 * one's time from the moment it was due: waiting for a free connection counts too. (autocannon's own rate sends a
 * second's worth at once and then rests, which is a flood with pauses and no such load.)
 * @returns the p99 of the answer times in milliseconds
 * @throws Error when one of them fails
 */
export async function p99AtRate(
  url: string,
  requests: Requests,
  { seconds, rate }: { seconds: number; rate: number },
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 50, scheduling: 'fifo' });
  const total = Math.max(1, Math.round(seconds * rate));
  const startedAt = performance.now();
  const answers: Promise<number>[] = [];
  try {
    await new Promise<void>((done) => {
      const sendDue = (): void => {
        const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * rate) + 1);
        while (answers.length < due) {
          const dueAt = startedAt + (answers.length / rate) * 1_000;
          const next =
            typeof requests === 'function' ? requests() : requests[answers.length % requests.length];
          answers.push(timed(url, agent, next as OneRequest, dueAt));
        }
        if (answers.length === total) done();
        else setTimeout(sendDue, 1);
      };
      sendDue();
    });
    const times = (await Promise.all(answers)).sort((a, b) => a - b);
    return times[Math.ceil(times.length * 0.99) - 1] ?? Number.NaN;
  } finally {
    agent.destroy();
  }
}

function timed(
  url: string,
  agent: Agent,
  { method, path, headers, body }: OneRequest,
  dueAt: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { agent, method, headers }, (response) => {
      response.resume();
      response.once('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode >= 200 && statusCode < 300) resolve(performance.now() - dueAt);
        else reject(new Error(`${method} ${path} was answered ${statusCode}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
