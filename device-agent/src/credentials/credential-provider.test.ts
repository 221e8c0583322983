import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { type Issued, TestCa } from '../testing/test-pki.ts';
import { until } from '../testing/until.ts';
import { CredentialProvider } from './credential-provider.ts';

const thing = 'aovis-n4k-000123';

let ca: TestCa;
let board: Issued;
let server: Server;
let clock: FakeClock;
let requests: { path: string | undefined; thing: unknown; subject: string; serverName: unknown }[];
let answer: { status: number; body: string; date?: Date };
let log: string;
/** How often the clock was doubted. */
let doubts: number;

function issue(secondsValid: number, name = 'first'): { status: number; body: string } {
  const expiration = new Date(clock.now() + secondsValid * 1_000).toISOString().replace('.000', '');
  const credentials = {
    accessKeyId: `ASIA${name}`,
    secretAccessKey: 'SECRET',
    sessionToken: 'TOKEN',
    expiration,
  };
  return { status: 200, body: JSON.stringify({ credentials }) };
}

beforeEach(async () => {
  ca = await TestCa.create();
  board = await ca.issueClient({ commonName: thing });
  clock = new FakeClock();
  requests = [];
  log = '';
  doubts = 0;
  answer = issue(3_600);
  const identity = await ca.issueServer();
  server = createServer({
    cert: identity.certificate,
    key: identity.privateKey,
    ca: ca.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on('request', (request, response) => {
    record(request);
    if (answer.date !== undefined) response.setHeader('date', answer.date.toUTCString());
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function record(request: IncomingMessage): void {
  const socket = request.socket as TLSSocket & { servername?: unknown };
  requests.push({
    path: request.url,
    thing: request.headers['x-amzn-iot-thingname'],
    subject: String(socket.getPeerCertificate().subject.CN),
    serverName: socket.servername,
  });
}

function createProvider(random = 0): CredentialProvider {
  return new CredentialProvider({
    host: 'localhost',
    port: (server.address() as AddressInfo).port,
    roleAlias: 'aovis-board',
    thing,
    ...board,
    rootCa: ca.certificate,
    clock,
    logger: createLogger({ level: 'debug', destination: { write: (line: string) => void (log += line) } }),
    random: () => random,
    onClockInDoubt: () => {
      doubts++;
    },
  });
}

it('asks as the credential provider wants to be asked', async () => {
  const credentials = await createProvider().get();
  expect(credentials).toEqual({
    accessKeyId: 'ASIAfirst',
    secretAccessKey: 'SECRET',
    sessionToken: 'TOKEN',
    expiresAt: new Date(clock.now() + 3_600_000),
  });
  expect(requests).toEqual([
    { path: '/role-aliases/aovis-board/credentials', thing, subject: thing, serverName: 'localhost' },
  ]);
});

it('asks once for all who ask at once, and then answers from what it has', async () => {
  const provider = createProvider();
  const [first, second] = await Promise.all([provider.get(), provider.get()]);
  expect(second).toBe(first);
  expect(await provider.get()).toBe(first);
  expect(requests).toHaveLength(1);
});

it.each([
  [0, 300],
  [1, 450],
])('renews in the background before the end (random %d: %d s before)', async (random, marginSeconds) => {
  const provider = createProvider(random);
  await provider.get();
  await clock.advance((3_600 - marginSeconds) * 1_000 - 1);
  await provider.get();
  await settle();
  expect(requests).toHaveLength(1);
  await clock.advance(1);
  answer = issue(3_600, 'second');
  expect((await provider.get()).accessKeyId).toBe('ASIAfirst');
  await until(() => requests.length === 2);
  await until(() => log.split('Got temporary credentials').length === 3);
  expect((await provider.get()).accessKeyId).toBe('ASIAsecond');
});

it('serves what it has while a renewal fails, and fails when that is over', async () => {
  const provider = createProvider();
  await provider.get();
  answer = { status: 500, body: '{"message":"Internal"}' };
  await clock.advance(3_400_000);
  expect((await provider.get()).accessKeyId).toBe('ASIAfirst');
  await until(() => provider.lastError !== undefined);
  await clock.advance(200_000);
  await expect(provider.get()).rejects.toMatchObject({ needsPerson: false });
  answer = issue(3_600, 'second');
  expect((await provider.get()).accessKeyId).toBe('ASIAsecond');
  expect(provider.lastError).toBeUndefined();
});

it('asks anew when a service did not accept what it has', async () => {
  const provider = createProvider();
  await provider.get();
  provider.forget();
  answer = issue(3_600, 'second');
  expect((await provider.get()).accessKeyId).toBe('ASIAsecond');
});

it('says a failure once, however often it comes', async () => {
  const provider = createProvider();
  answer = { status: 403, body: '{"message":"Access Denied"}' };
  await expect(provider.get()).rejects.toThrow();
  await expect(provider.get()).rejects.toThrow();
  expect(log.match(/"level":"error"/g)).toHaveLength(1);
});

describe('what the provider refuses', () => {
  it.each([
    [403, 'Invalid thing name passed', 'AttachThingPrincipal'],
    [403, 'Access Denied', 'iot:AssumeRoleWithCertificate on rolealias/aovis-board'],
    [403, 'Certificate is invalid on this endpoint', 'endpoints.credentials'],
    [404, 'Role alias does not exist', 'create the role alias aovis-board'],
    [400, 'Unable to assume the role, or the role to assume does not exist', 'credentials.iot.amazonaws.com'],
    [
      400,
      'The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role',
      'shorten',
    ],
    [403, 'Something new', 'check the certificate'],
  ])('is told with its remedy: %d %s', async (status, message, remedy) => {
    answer = { status, body: JSON.stringify({ message }) };
    await expect(createProvider().get()).rejects.toMatchObject({
      needsPerson: true,
      message: expect.stringContaining(remedy),
    });
    expect(JSON.parse(log)).toMatchObject({ level: 'error', msg: expect.stringContaining(message) });
  });

  it.each(['', '<html>login</html>', '{}', '{"credentials":{"accessKeyId":""}}'])(
    'is no document: %j',
    async (body) => {
      answer = { status: 200, body };
      await expect(createProvider().get()).rejects.toThrow('no credentials document');
    },
  );

  it('has expired already by a clock that runs ahead', async () => {
    answer = { ...issue(-1), date: new Date(clock.now() - 3_600_000) };
    // NTP may set it at any moment: nobody has to act before the next attempt.
    await expect(createProvider().get()).rejects.toMatchObject({
      needsPerson: false,
      message: expect.stringContaining('1 h ahead of the service'),
    });
    expect(doubts).toBe(1);
  });

  it.each([
    ['not valid yet', 1, 2],
    ['expired', -2, -1],
  ])('is a server whose certificate is %s by the board’s clock', async (_how, from, to) => {
    const hour = 3_600_000;
    const dates = {
      notBefore: new Date(Date.now() + from * hour),
      notAfter: new Date(Date.now() + to * hour),
    };
    const { certificate, privateKey } = await ca.issueServer(dates);
    server.setSecureContext({ cert: certificate, key: privateKey, ca: ca.certificate });
    await expect(createProvider().get()).rejects.toThrow('cannot be asked');
    expect(doubts).toBe(1);
  });

  it('is a server of somebody else', async () => {
    ca = await TestCa.create('Stranger');
    await expect(createProvider().get()).rejects.toThrow('root-ca.pem');
    expect(requests).toEqual([]);
    expect(doubts).toBe(0);
  });
});

it('writes no secret to the log', async () => {
  await createProvider().get();
  expect(log).toContain('expiresAt');
  expect(log).not.toMatch(/SECRET|TOKEN|ASIA/);
});
