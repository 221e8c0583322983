import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Program } from '../commands/run-program.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { JobStand } from './testing/job-stand.ts';
import { uploadLogsJob } from './upload-logs-job.ts';

let server: Server;
let status: number;
let location: string | undefined;
let puts: { url: string | undefined; headers: IncomingHttpHeaders; body: Buffer }[];
const stands: JobStand[] = [];

beforeEach(async () => {
  status = 200;
  location = undefined;
  puts = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      puts.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(status, location === undefined ? {} : { location }).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const stand of stands.splice(0)) await stand.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const printing = (script: string): Program => [process.execPath, '-e', script];
const lines = printing('for (let i = 0; i < 5000; i++) console.log(`line ${i} password=hunter2`)');

async function run(program: Program, document: object = {}) {
  const stand = new JobStand(await temporaryDirectory(), {
    'upload-logs': uploadLogsJob({ program }),
  });
  stands.push(stand);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/logs?X-Amz-Signature=canary`;
  stand.service.add('job', { operation: 'upload-logs', url, ...document });
  await stand.start();
  return stand.untilStatus('job', 'SUCCEEDED', 'FAILED', 'REJECTED');
}

it('sends the latest whole lines, compressed, without secrets', async () => {
  expect(await run(lines, { max_bytes: 10_000 })).toMatchObject({ status: 'SUCCEEDED' });
  const [put] = puts;
  expect(put?.headers).toMatchObject({
    'content-type': 'application/gzip',
    'content-length': String(put?.body.length),
  });
  const text = gunzipSync(put?.body ?? '').toString();
  expect(text).toMatch(/^line \d+ password=\[redacted\]\n/);
  expect(text).toMatch(/line 4999 password=\[redacted\]\n$/);
  expect(text).not.toContain('hunter2');
  expect(text.split('\n').length).toBeGreaterThan(300);
  expect(text.split('\n').length).toBeLessThan(500);
});

it('sends all there is when that is less', async () => {
  await run(printing('console.log("one"); console.log("two")'));
  expect(gunzipSync(puts[0]?.body ?? '').toString()).toBe('one\ntwo\n');
});

it.each([
  ['a URL that has expired', () => (status = 403), lines, 'upload_refused'],
  ['a redirect', () => ([status, location] = [307, '/elsewhere']), lines, 'upload_refused'],
  ['a program that fails', () => {}, printing('process.exit(3)'), 'program_failed'],
  ['a program that is not there', () => {}, ['/nonexistent/journalctl'] as const, 'program_failed'],
])('fails by %s, and says nothing of the URL’s secret', async (_, arrange, program, code) => {
  arrange();
  const { statusDetails } = await run(program);
  expect(statusDetails).toMatchObject({ code });
  expect(JSON.stringify(statusDetails)).not.toContain('canary');
});

it('fails when nobody listens', async () => {
  const { statusDetails } = await run(lines, { url: 'http://127.0.0.1:1/logs?secret' });
  expect(statusDetails).toEqual({ code: 'upload_failed', message: expect.stringContaining('127.0.0.1:1') });
});
