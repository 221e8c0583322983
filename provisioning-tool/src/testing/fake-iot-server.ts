import { createHash, X509Certificate } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A small AWS IoT control plane for the tests of this folder: the calls the tool makes, in the SDK's restJson
 * bindings, with the documented answers to repeats, per-operation throttles, and faults on demand.
 */
export interface Fault {
  /**
   * `refuse`: answered with an error, no effect. `lose`: takes effect, the connection ends without an answer. `hang`: takes
   * effect, and nothing ever comes. `cut`: the connection ends, no effect.
   */
  kind: 'refuse' | 'lose' | 'hang' | 'cut';
  status?: number;
  code?: string;
}

export interface FakeIotOptions {
  /** Calls a second by operation; operations without one are not throttled. */
  quotas?: Partial<Record<string, number>>;
  /** Asked once per request, before it takes effect. */
  fault?: (operation: string, call: number) => Fault | undefined;
  /** Called before (`false`) and after (`true`) each effect. */
  onCall?: (operation: string, done: boolean) => void;
  now?: () => number;
}

export interface FakeThing {
  type: string;
  attributes: Record<string, string>;
  principals: Set<string>;
  groups: Set<string>;
}

interface FakeCertificate {
  pem: string;
  status: string;
  policies: Set<string>;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly extra: Record<string, string>;

  constructor(status: number, code: string, message: string, extra: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.extra = extra;
  }
}

type Body = Record<string, unknown>;
interface Call {
  /** Path parameter, where the route has one. */
  name: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: Body;
}
interface Route {
  method: string;
  path: RegExp;
  operation: string;
  handle: (call: Call) => Body;
}

const arn = (resource: string) => `arn:aws:iot:eu-central-1:123456789012:${resource}`;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const idOf = (pem: string) => createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');

export class FakeIotServer {
  readonly policies = new Set<string>();
  readonly thingTypes = new Set<string>();
  readonly thingGroups = new Set<string>();
  readonly roleAliases = new Set<string>();
  readonly cas = new Map<string, { pem: string; status: string; mode: string }>();
  readonly certificates = new Map<string, FakeCertificate>();
  readonly things = new Map<string, FakeThing>();
  readonly calls: { operation: string; at: number }[] = [];
  /** Every request as it came: address, headers and body. */
  readonly received: string[] = [];
  readonly throttled: string[] = [];
  readonly registrationCode = 'f'.repeat(64);
  options: FakeIotOptions;
  readonly #server: Server;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(options: FakeIotOptions = {}) {
    this.options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** What `batch run` expects to find in an account. */
  prepare(): void {
    this.policies.add('aovis-board');
    this.thingTypes.add('aovis-camera');
    this.roleAliases.add('aovis-board-video');
  }

  readonly #routes: Route[] = [
    {
      method: 'GET',
      path: /^\/endpoint$/,
      operation: 'DescribeEndpoint',
      handle: (call) => this.#endpoint(call),
    },
    {
      method: 'GET',
      path: /^\/policies\/([^/]+)$/,
      operation: 'GetPolicy',
      handle: ({ name }) =>
        this.#named(this.policies, name, { policyName: name, policyArn: arn(`policy/${name}`) }),
    },
    {
      method: 'GET',
      path: /^\/thing-types\/([^/]+)$/,
      operation: 'DescribeThingType',
      handle: ({ name }) => this.#named(this.thingTypes, name, { thingTypeName: name }),
    },
    {
      method: 'GET',
      path: /^\/thing-groups\/([^/]+)$/,
      operation: 'DescribeThingGroup',
      handle: ({ name }) => this.#named(this.thingGroups, name, { thingGroupName: name }),
    },
    {
      method: 'GET',
      path: /^\/role-aliases\/([^/]+)$/,
      operation: 'DescribeRoleAlias',
      handle: ({ name }) =>
        this.#named(this.roleAliases, name, { roleAliasDescription: { roleAlias: name } }),
    },
    {
      method: 'GET',
      path: /^\/registrationcode$/,
      operation: 'GetRegistrationCode',
      handle: () => ({ registrationCode: this.registrationCode }),
    },
    {
      method: 'POST',
      path: /^\/cacertificate$/,
      operation: 'RegisterCACertificate',
      handle: (call) => this.#registerCa(call),
    },
    {
      method: 'GET',
      path: /^\/cacertificate\/([^/]+)$/,
      operation: 'DescribeCACertificate',
      handle: ({ name }) => this.#describeCa(name),
    },
    {
      method: 'PUT',
      path: /^\/cacertificate\/([^/]+)$/,
      operation: 'UpdateCACertificate',
      handle: ({ name, query }) => {
        this.#get(this.cas, name).status = query.get('newStatus') ?? '';
        return {};
      },
    },
    {
      method: 'POST',
      path: /^\/certificate\/register$/,
      operation: 'RegisterCertificate',
      handle: (call) => this.#registerCertificate(call, true),
    },
    {
      method: 'POST',
      path: /^\/certificate\/register-no-ca$/,
      operation: 'RegisterCertificateWithoutCA',
      handle: (call) => this.#registerCertificate(call, false),
    },
    {
      method: 'GET',
      path: /^\/certificates\/([^/]+)$/,
      operation: 'DescribeCertificate',
      handle: ({ name }) => {
        const { pem, status } = this.#get(this.certificates, name);
        return { certificateDescription: { certificateId: name, certificatePem: pem, status } };
      },
    },
    {
      method: 'PUT',
      path: /^\/certificates\/([^/]+)$/,
      operation: 'UpdateCertificate',
      handle: ({ name, query }) => {
        this.#get(this.certificates, name).status = query.get('newStatus') ?? '';
        return {};
      },
    },
    {
      method: 'DELETE',
      path: /^\/certificates\/([^/]+)$/,
      operation: 'DeleteCertificate',
      handle: ({ name }) => this.#deleteCertificate(name),
    },
    {
      method: 'GET',
      path: /^\/certificates-by-ca\/([^/]+)$/,
      operation: 'ListCertificatesByCA',
      handle: ({ name, query }) => {
        const ca = new X509Certificate(this.#get(this.cas, name).pem).publicKey;
        const all = [...this.certificates].filter(([, { pem }]) => new X509Certificate(pem).verify(ca));
        const { items, next } = page(all, query.get('marker'), query.get('pageSize'));
        return {
          certificates: items.map(([certificateId, { status, createdAt }]) => ({
            certificateId,
            certificateArn: arn(`cert/${certificateId}`),
            status,
            creationDate: createdAt / 1000,
          })),
          nextMarker: next,
        };
      },
    },
    {
      method: 'GET',
      path: /^\/things$/,
      operation: 'ListThings',
      handle: ({ query }) => {
        const name = query.get('attributeName') ?? '';
        const all = [...this.things].filter(
          ([, { attributes }]) => attributes[name] === query.get('attributeValue'),
        );
        const { items, next } = page(all, query.get('nextToken'), query.get('maxResults'));
        return {
          things: items.map(([thingName, { type, attributes }]) => ({
            thingName,
            thingTypeName: type,
            attributes,
          })),
          nextToken: next,
        };
      },
    },
    {
      method: 'GET',
      path: /^\/things\/([^/]+)\/principals$/,
      operation: 'ListThingPrincipals',
      handle: ({ name }) => ({
        principals: [...this.#get(this.things, name).principals].map((id) => arn(`cert/${id}`)),
      }),
    },
    {
      method: 'DELETE',
      path: /^\/things\/([^/]+)\/principals$/,
      operation: 'DetachThingPrincipal',
      handle: ({ name, headers }) => {
        const id = text(headers['x-amzn-principal']).split('cert/')[1] ?? '';
        if (!this.#get(this.things, name).principals.delete(id))
          throw new ApiError(404, 'ResourceNotFoundException', `${id} is not attached`);
        return {};
      },
    },
    {
      method: 'POST',
      path: /^\/attached-policies\/(.+)$/,
      operation: 'ListAttachedPolicies',
      handle: ({ name }) => ({
        policies: [...this.#get(this.certificates, name.split('cert/')[1] ?? '').policies].map(
          (policyName) => ({ policyName, policyArn: arn(`policy/${policyName}`) }),
        ),
      }),
    },
    {
      method: 'POST',
      path: /^\/target-policies\/([^/]+)$/,
      operation: 'DetachPolicy',
      handle: ({ name, body }) => {
        this.#get(this.certificates, text(body['target']).split('cert/')[1] ?? '').policies.delete(name);
        return {};
      },
    },
    {
      method: 'POST',
      path: /^\/policy-targets\/([^/]+)$/,
      operation: 'ListTargetsForPolicy',
      handle: ({ name, query }) => {
        const all = [...this.certificates].filter(([, { policies }]) => policies.has(name));
        const { items, next } = page(all, query.get('marker'), query.get('pageSize'));
        return { targets: items.map(([id]) => arn(`cert/${id}`)), nextMarker: next };
      },
    },
    {
      method: 'GET',
      path: /^\/thing-groups\/([^/]+)\/things$/,
      operation: 'ListThingsInThingGroup',
      handle: ({ name, query }) => {
        const all = [...this.things].filter(([, { groups }]) => groups.has(name)).map(([thing]) => thing);
        const { items, next } = page(all, query.get('nextToken'), query.get('maxResults'));
        return { things: items, nextToken: next };
      },
    },
    {
      method: 'PATCH',
      path: /^\/things\/([^/]+)$/,
      operation: 'UpdateThing',
      handle: ({ name, body }) => {
        const payload = (body['attributePayload'] ?? {}) as { attributes?: Record<string, string> };
        Object.assign(this.#get(this.things, name).attributes, payload.attributes);
        return {};
      },
    },
    {
      method: 'DELETE',
      path: /^\/things\/([^/]+)$/,
      operation: 'DeleteThing',
      handle: ({ name }) => {
        if ((this.things.get(name)?.principals.size ?? 0) > 0)
          throw new ApiError(400, 'InvalidRequestException', 'the thing has principals');
        this.things.delete(name);
        return {};
      },
    },
    {
      method: 'PUT',
      path: /^\/things\/([^/]+)\/principals$/,
      operation: 'AttachThingPrincipal',
      handle: (call) => this.#attachPrincipal(call),
    },
    {
      method: 'POST',
      path: /^\/things\/([^/]+)$/,
      operation: 'CreateThing',
      handle: (call) => this.#createThing(call),
    },
    {
      method: 'GET',
      path: /^\/things\/([^/]+)$/,
      operation: 'DescribeThing',
      handle: ({ name }) => {
        const { type, attributes } = this.#get(this.things, name);
        return { thingName: name, thingTypeName: type, attributes };
      },
    },
    {
      method: 'PUT',
      path: /^\/target-policies\/([^/]+)$/,
      operation: 'AttachPolicy',
      handle: ({ name, body }) => {
        this.#named(this.policies, name, {});
        this.#get(this.certificates, text(body['target']).split('cert/')[1] ?? '').policies.add(name);
        return {};
      },
    },
    {
      method: 'PUT',
      path: /^\/thing-groups\/addThingToThingGroup$/,
      operation: 'AddThingToThingGroup',
      handle: ({ body }) => {
        this.#named(this.thingGroups, text(body['thingGroupName']), {});
        this.#get(this.things, text(body['thingName'])).groups.add(text(body['thingGroupName']));
        return {};
      },
    },
  ];

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.received.push(
      [request.url, JSON.stringify(request.headers), Buffer.concat(chunks).toString()].join('\n'),
    );
    const url = new URL(request.url ?? '/', 'http://fake');
    const route = this.#routes.find(
      ({ method, path }) => method === request.method && path.test(url.pathname),
    );
    if (!route) {
      answer(response, 404, { message: `no route for ${request.method} ${url.pathname}` });
      return;
    }
    const { operation } = route;
    this.calls.push({ operation, at: this.#now() });
    const fault = this.options.fault?.(operation, this.calls.length);
    if (fault?.kind === 'cut') {
      request.socket.destroy();
      return;
    }
    try {
      if (fault?.kind === 'refuse')
        throw new ApiError(fault.status ?? 500, fault.code ?? 'InternalFailureException', 'injected');
      this.#throttle(operation);
      this.options.onCall?.(operation, false);
      const body = route.handle({
        name: decodeURIComponent(route.path.exec(url.pathname)?.[1] ?? ''),
        query: url.searchParams,
        headers: request.headers,
        body: chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as Body) : {},
      });
      this.options.onCall?.(operation, true);
      if (fault?.kind === 'hang') return;
      if (fault?.kind === 'lose') request.socket.destroy();
      else answer(response, 200, body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      answer(response, error.status, { message: error.message, ...error.extra }, error.code);
    }
  }

  #now(): number {
    return this.options.now?.() ?? Date.now();
  }

  #throttle(operation: string): void {
    const quota = this.options.quotas?.[operation];
    if (quota === undefined) return;
    const now = this.#now();
    const bucket = this.#buckets.get(operation) ?? { tokens: quota, at: now };
    bucket.tokens = Math.min(quota, bucket.tokens + ((now - bucket.at) / 1000) * quota);
    bucket.at = now;
    this.#buckets.set(operation, bucket);
    if (bucket.tokens < 1) {
      this.throttled.push(operation);
      throw new ApiError(400, 'ThrottlingException', 'Rate exceeded');
    }
    bucket.tokens -= 1;
  }

  #get<T>(map: Map<string, T>, name: string): T {
    const found = map.get(name);
    if (found === undefined) throw new ApiError(404, 'ResourceNotFoundException', `${name} not found`);
    return found;
  }

  #named(names: Set<string>, name: string, body: Body): Body {
    if (!names.has(name)) throw new ApiError(404, 'ResourceNotFoundException', `${name} not found`);
    return body;
  }

  #endpoint({ query }: Call): Body {
    const prefix = query.get('endpointType') === 'iot:Data-ATS' ? 'abc-ats.iot' : 'abc.credentials.iot';
    return { endpointAddress: `${prefix}.eu-central-1.amazonaws.com` };
  }

  #registerCa({ body }: Call): Body {
    const pem = text(body['caCertificate']);
    const mode = text(body['certificateMode']) || 'DEFAULT';
    const id = idOf(pem);
    if (this.cas.has(id))
      throw new ApiError(409, 'ResourceAlreadyExistsException', 'CA already exists', {
        resourceId: id,
        resourceArn: arn(`cacert/${id}`),
      });
    if (mode === 'DEFAULT') {
      const proof = new X509Certificate(text(body['verificationCertificate']));
      if (
        proof.subject !== `CN=${this.registrationCode}` ||
        !proof.verify(new X509Certificate(pem).publicKey)
      )
        throw new ApiError(
          400,
          'RegistrationCodeValidationException',
          'the verification certificate is wrong',
        );
    }
    this.cas.set(id, { pem, status: 'ACTIVE', mode });
    return { certificateId: id, certificateArn: arn(`cacert/${id}`) };
  }

  #describeCa(id: string): Body {
    const { pem, status, mode } = this.#get(this.cas, id);
    return {
      certificateDescription: { certificateId: id, certificatePem: pem, status, certificateMode: mode },
    };
  }

  #registerCertificate({ body }: Call, withCa: boolean): Body {
    const pem = text(body['certificatePem']);
    const certificate = parsed(pem);
    const id = idOf(pem);
    if (withCa) {
      const ca = [...this.cas.values()].find(
        ({ pem: caPem, status }) =>
          status === 'ACTIVE' && certificate.verify(new X509Certificate(caPem).publicKey),
      );
      if (!ca)
        throw new ApiError(400, 'CertificateValidationException', 'no active CA signed this certificate');
    }
    const certificateArn = arn(`cert/${id}`);
    if (this.certificates.has(id)) {
      throw new ApiError(
        409,
        'ResourceAlreadyExistsException',
        'The certificate is already provisioned or registered',
        { resourceId: id, resourceArn: certificateArn },
      );
    }
    this.certificates.set(id, {
      pem,
      status: text(body['status']) || 'INACTIVE',
      policies: new Set(),
      createdAt: Date.now(),
    });
    return { certificateId: id, certificateArn };
  }

  #deleteCertificate(id: string): Body {
    const { status, policies } = this.#get(this.certificates, id);
    if (status === 'ACTIVE')
      throw new ApiError(406, 'CertificateStateException', 'the certificate is ACTIVE');
    if (policies.size > 0 || [...this.things.values()].some(({ principals }) => principals.has(id)))
      throw new ApiError(409, 'DeleteConflictException', 'the certificate is attached');
    this.certificates.delete(id);
    return {};
  }

  #createThing({ name, body }: Call): Body {
    const payload = (body['attributePayload'] ?? {}) as { attributes?: Record<string, string> };
    const attributes = payload.attributes ?? {};
    const type = text(body['thingTypeName']);
    this.#named(this.thingTypes, type, {});
    const existing = this.things.get(name);
    const same = (thing: FakeThing) =>
      thing.type === type &&
      Object.keys({ ...thing.attributes, ...attributes }).every(
        (key) => thing.attributes[key] === attributes[key],
      );
    if (existing && !same(existing)) {
      throw new ApiError(
        409,
        'ResourceAlreadyExistsException',
        `Thing ${name} already exists with other tags`,
        {
          resourceId: name,
          resourceArn: arn(`thing/${name}`),
        },
      );
    }
    if (!existing) this.things.set(name, { type, attributes, principals: new Set(), groups: new Set() });
    return { thingName: name, thingArn: arn(`thing/${name}`) };
  }

  #attachPrincipal({ name, query, headers }: Call): Body {
    const thing = this.#get(this.things, name);
    const id = text(headers['x-amzn-principal']).split('cert/')[1] ?? '';
    this.#get(this.certificates, id);
    if (query.get('thingPrincipalType') === 'EXCLUSIVE_THING') {
      const other = [...this.things].find(([other, { principals }]) => other !== name && principals.has(id));
      if (other) throw new ApiError(400, 'InvalidRequestException', 'the principal belongs to another thing');
    }
    thing.principals.add(id);
    return {};
  }
}

function parsed(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new ApiError(400, 'CertificateValidationException', 'the certificate could not be parsed');
  }
}

/** As AWS does it: a token that says where the next page begins. */
function page<T>(all: T[], token: string | null, size: string | null): { items: T[]; next?: string } {
  const start = Number(token ?? '0');
  const end = start + Math.min(250, Number(size ?? '25'));
  return { items: all.slice(start, end), ...(end < all.length ? { next: String(end) } : {}) };
}

function answer(response: ServerResponse, status: number, body: Body, errorType?: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(errorType ? { 'x-amzn-errortype': errorType } : {}),
  });
  response.end(JSON.stringify(body));
}
