import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { HttpAnswer, HttpRefusal } from '../kernel/http-answer.ts';
import { RouteServer } from '../kernel/route-server.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { claimsOf, discoveryOf, jwksPaths, type Provider, tokenRequestSchema } from './operations.ts';
import { SigningKeys } from './signing-keys.ts';

const providers = ['google', 'apple'] as const;
const providerSchema = z.enum(providers, { error: 'the provider is google or apple' });
const rotateSchema = z.strictObject({ forget: z.boolean().default(false) }).default({ forget: false });

/** Two OpenID issuers, one like Google's and one like Apple's, with keys that can be rotated. */
export class Identity implements Service {
  readonly name = 'identity';
  readonly adminRoutes: readonly AdminRoute[];
  readonly #environment: Environment;
  readonly #keys: Record<Provider, SigningKeys>;
  readonly #server: RouteServer;
  readonly #wantedPort: number;

  constructor(environment: Environment, port: number) {
    this.#environment = environment;
    this.#wantedPort = port;
    this.#keys = {
      google: new SigningKeys(environment.store, 'google'),
      apple: new SigningKeys(environment.store, 'apple'),
    };
    this.#server = new RouteServer(environment.log);
    this.#server.mount(providers.flatMap((provider) => this.#publicRoutes(provider)));
    this.adminRoutes = this.#localRoutes();
  }

  get port(): number {
    return this.#server.port;
  }

  /** The `iss` of the provider's tokens. */
  issuer(provider: Provider): string {
    return `${this.#server.url}/${provider}`;
  }

  start(): Promise<void> {
    return this.#server.start(this.#wantedPort);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  #publicRoutes(provider: Provider): AdminRoute[] {
    return [
      {
        method: 'GET',
        path: `/${provider}/.well-known/openid-configuration`,
        summary: 'OpenID discovery document',
        handle: () => discoveryOf(provider, this.issuer(provider)),
      },
      {
        method: 'GET',
        path: `/${provider}${jwksPaths[provider]}`,
        summary: 'Public keys',
        handle: async () => {
          await this.#fault(provider);
          // Google's answer carries the time for which its keys may be kept; this one is short, so that rotation shows.
          const headers = { 'cache-control': 'public, max-age=60' };
          return HttpAnswer.json({ keys: await this.#keys[provider].publicKeys() }, headers);
        },
      },
    ];
  }

  #localRoutes(): AdminRoute[] {
    return [
      {
        method: 'POST',
        path: '/_local/identity/{provider}/token',
        summary:
          'Signs an id_token: {"sub","email","aud","email_verified"?,"nonce"?,"expiresIn"?} for google or apple',
        handle: async ({ params, body }) => {
          const provider = providerSchema.parse(params['provider']);
          const request = tokenRequestSchema.parse(body);
          const issuer = this.issuer(provider);
          const claims = claimsOf(provider, issuer, request, this.#environment.clock);
          return { id_token: await this.#keys[provider].sign(claims), issuer };
        },
      },
      {
        method: 'POST',
        path: '/_local/identity/{provider}/rotate',
        summary: 'A new signing key; {"forget":true} drops the older ones from the JWKS at once',
        handle: async ({ params, body }) => {
          const { forget } = rotateSchema.parse(body);
          return { kid: await this.#keys[providerSchema.parse(params['provider'])].rotate(forget) };
        },
      },
    ];
  }

  async #fault(provider: Provider): Promise<void> {
    const fault = this.#environment.faults.take('identity', 'Jwks', provider);
    if (fault?.kind === 'delay') await delay(fault.ms);
    if (fault?.kind === 'error') throw new HttpRefusal(fault.status, fault.message);
  }
}
