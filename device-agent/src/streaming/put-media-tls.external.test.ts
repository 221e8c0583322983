import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, expect, it } from '@jest/globals';
import { systemClock } from '../host/clock.ts';
import { createLogger } from '../host/logger.ts';
import { type ConnectionEnd, openPutMedia } from './put-media-connection.ts';
import { StreamUploader } from './stream-uploader.ts';
import { ManualCamera } from './testing/pictures.ts';
import { PutMediaServer } from './testing/put-media-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'put-media-'));
afterAll(() => rmSync(directory, { recursive: true }));

function selfSigned(): { key: string; cert: string } {
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')] as const;
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '1',
      '-subj',
      '/CN=put-media',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'ignore' },
  );
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

async function streamTo(server: PutMediaServer, camera: ManualCamera, ca?: string): Promise<StreamUploader> {
  const uploader = new StreamUploader({
    camera,
    streamName: 'x',
    region: 'eu-central-1',
    endpoint: server.url,
    ...(ca === undefined ? {} : { ca }),
    credentials: {
      forget: () => undefined,
      get: () =>
        Promise.resolve({
          accessKeyId: 'A',
          secretAccessKey: 's',
          sessionToken: 't',
          expiresAt: new Date(Date.now() + 3_600_000),
        }),
    },
    userAgent: 'test',
    clock: systemClock,
    logger: createLogger({ level: 'silent' }),
    random: Math.random,
    randomBytes,
    onChange: () => server.emit('change'),
  });
  await uploader.start(new AbortController().signal);
  return uploader;
}

it('streams over https to a server whose authority it is given, and to no other', async () => {
  const tls = selfSigned();
  const server = new PutMediaServer(tls);
  await server.start();
  const camera = new ManualCamera(1_700_000_000_000);

  const distrustful = await streamTo(server, camera);
  camera.deliverGroup();
  await server.until(() => distrustful.status().lastError !== undefined);
  expect(distrustful.status().lastError).toContain('GetDataEndpoint failed: self-signed certificate');
  await distrustful.stop();
  expect(server.attempts).toHaveLength(0);

  const trusting = await streamTo(server, camera, tls.cert);
  const timecodes = [camera.deliverGroup(), camera.deliverGroup()];
  await server.until(() => server.persisted.length === 1);
  await trusting.stop();
  expect(server.persisted).toEqual(timecodes);
  await server.stop();
});

it('refuses a certificate that is for another name', async () => {
  const tls = selfSigned();
  const server = createServer(tls);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const end = new Promise<ConnectionEnd>((onEnd) => {
    void openPutMedia({
      endpoint: new URL(`https://localhost:${(server.address() as AddressInfo).port}`),
      streamName: 'x',
      region: 'eu-central-1',
      credentials: { accessKeyId: 'A', secretAccessKey: 's', sessionToken: 't', expiresAt: new Date(0) },
      producerStartMs: 0,
      clock: systemClock,
      userAgent: 'test',
      ca: tls.cert,
      listener: { onAccepted: () => undefined, onAck: () => undefined, onDrain: () => undefined, onEnd },
    });
  });
  expect(await end).toMatchObject({ kind: 'broken', reason: expect.stringContaining('altnames') });
  server.close();
});
