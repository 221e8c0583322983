import { constants, createHash, randomUUID, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { Registry } from '../iot-core/registry.ts';
import type { RoleAliases } from '../iot-core/role-aliases.ts';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { AwsError } from '../kernel/aws-error.ts';
import type { FaultEffect } from '../kernel/faults.ts';
import type { Iam } from '../kernel/iam.ts';
import { close, listen } from '../kernel/listen.ts';
import { PathPattern } from '../kernel/path-pattern.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { accessDenied } from './errors.ts';
import { CredentialRules } from './operations.ts';
import { type TemporaryKey, TemporaryKeys } from './temporary-keys.ts';

const operationName = 'AssumeRoleWithCertificate';
const path = new PathPattern('/role-aliases/{roleAlias}/credentials');

/** The credential provider of AWS IoT: temporary AWS credentials against a board's certificate, over mutual TLS. */
export class CredentialProvider implements Service {
  readonly name = 'credential-provider';
  readonly adminRoutes: readonly AdminRoute[];
  readonly #environment: Environment;
  readonly #registry: Registry;
  readonly #keys: TemporaryKeys;
  readonly #rules: CredentialRules;
  readonly #wantedPort: number;
  #server: Server | undefined;
  #port = 0;

  constructor(
    environment: Environment,
    iam: Iam,
    iot: { registry: Registry; roleAliases: RoleAliases },
    port: number,
  ) {
    const { store, accessKeys, clock, region, accountId } = environment;
    this.#environment = environment;
    this.#registry = iot.registry;
    this.#wantedPort = port;
    this.#keys = new TemporaryKeys(store, accessKeys, clock);
    this.#rules = new CredentialRules({
      ...iot,
      iam,
      keys: this.#keys,
      aliasArn: (roleAlias) => `arn:aws:iot:${region}:${accountId}:rolealias/${roleAlias}`,
    });
    this.adminRoutes = [
      {
        method: 'GET',
        path: '/_local/credentials',
        summary: 'The temporary credentials handed out, without their secrets',
        handle: () => ({ credentials: this.#keys.list() }),
      },
      {
        method: 'POST',
        path: '/_local/credentials/expire',
        summary: 'Ends all temporary credentials now',
        handle: () => ({ expired: this.#keys.expireAll() }),
      },
    ];
  }

  /** Known after the start. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#keys.restore();
    const identity = await this.#environment.pki.serverIdentity();
    const server = createServer(
      {
        key: identity.keyPem,
        cert: identity.certificatePem,
        requestCert: true,
        // Boards have certificates of any authority: the registry decides, below.
        rejectUnauthorized: false,
        minVersion: 'TLSv1.2',
        // A resumed session shows no certificate; AWS does not support tickets either.
        secureOptions: constants.SSL_OP_NO_TICKET,
      },
      (request, response) => void this.#serve(request, response),
    );
    server.prependListener('secureConnection', (socket: TLSSocket) => this.#admit(socket));
    server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
    this.#port = await listen(server, this.#wantedPort);
    this.#server = server;
  }

  async stop(): Promise<void> {
    if (this.#server === undefined) return;
    await close(this.#server);
    this.#server = undefined;
    this.#port = 0;
  }

  reset(): void {
    this.#environment.accessKeys.expireTemporary(this.#environment.clock.now());
  }

  /** Ends the connection of a certificate that is not registered, not ACTIVE or out of date, before any HTTP. */
  #admit(socket: TLSSocket): void {
    const { raw } = socket.getPeerCertificate();
    if (raw !== undefined && this.#isAccepted(raw)) return;
    this.#environment.log.info('connection refused: no ACTIVE registered certificate');
    socket.destroy();
  }

  #isAccepted(der: Buffer): boolean {
    const status = this.#registry.findCertificate(certificateIdOf(der))?.status;
    const certificate = new X509Certificate(der);
    const now = this.#environment.clock.now();
    return (
      status === 'ACTIVE' &&
      certificate.validFromDate.getTime() <= now &&
      now <= certificate.validToDate.getTime()
    );
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('x-amzn-RequestId', randomUUID());
    try {
      const key = await this.#answer(request);
      if (key === undefined) request.socket.destroy();
      else sendJson(response, 200, credentialsOf(key));
    } catch (error) {
      const known =
        error instanceof AwsError ? error : new AwsError('InternalFailureException', 500, 'Internal failure');
      if (known !== error) this.#environment.log.error({ err: error }, 'operation failed');
      response.setHeader('x-amzn-ErrorType', known.code);
      sendJson(response, known.status, { message: known.message });
    }
  }

  /** Undefined when a fault says to end the connection without an answer. */
  async #answer(request: IncomingMessage): Promise<TemporaryKey | undefined> {
    const params = path.match((request.url ?? '').split('?')[0] ?? '');
    if (params === undefined || request.method !== 'GET')
      throw new AwsError('UnknownOperationException', 404, `No operation ${request.method} ${request.url}`);
    const { socket, headers } = request;
    if (!(socket instanceof TLSSocket)) throw accessDenied();
    const thingName = headers['x-amzn-iot-thingname']?.toString();
    const fault = this.#environment.faults.take('credential-provider', operationName, thingName);
    if (fault?.kind === 'error') throw new AwsError(fault.code, fault.status, fault.message);
    if (fault?.kind === 'custom' && fault.name === 'deny') throw accessDenied();
    if (fault?.kind === 'drop') return undefined;
    if (fault?.kind === 'delay') await delay(fault.ms);
    const lifetime = shortLifetimeSeconds(fault);
    const key = this.#rules.assume(
      {
        certificateId: certificateIdOf(socket.getPeerCertificate().raw),
        roleAlias: params['roleAlias'] ?? '',
        thingName,
        sourceIp: socket.remoteAddress ?? '',
      },
      lifetime,
    );
    return fault?.kind === 'lose-answer' ? undefined : key;
  }
}

/** The fault `short-lived`: `value` is the life of the credentials in seconds, 30 without it. */
function shortLifetimeSeconds(fault: FaultEffect | undefined): number | undefined {
  if (fault?.kind !== 'custom' || fault.name !== 'short-lived') return undefined;
  return typeof fault.value === 'number' ? fault.value : 30;
}

function certificateIdOf(der: Buffer): string {
  return createHash('sha256').update(der).digest('hex');
}

function credentialsOf(key: TemporaryKey): unknown {
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = key;
  const expiration = new Date(expiresAt).toISOString().replace('.000Z', 'Z');
  return { credentials: { accessKeyId, secretAccessKey, sessionToken, expiration } };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
