import { dataOf } from '@aovis/api-client/api-error';
import { type ApiClient, createApiClient, tokensOf } from '@aovis/api-client/client';
import { MemoryTokenStore } from '@aovis/api-client/token-refresh';
import { admin } from '@aovis/simulator/cloud-setup';
import type { Endpoints } from '@aovis/simulator/endpoints';

let requests = 0;

/** An address of its own for each request, told by the header that the proxy in front of the backend would set. */
function nextAddress(): string {
  requests += 1;
  return `10.${requests >> 16}.${(requests >> 8) & 255}.${requests & 255}`;
}

/** A signed-in customer who may turn to any instance, from anywhere: the same tokens are good at all of them. */
export class Customer {
  readonly #tokens = new MemoryTokenStore();

  /** Signs in by Google. */
  static async signIn(endpoints: Endpoints, backendUrl: string, name: string): Promise<Customer> {
    const customer = new Customer();
    const claims = { sub: name, email: `${name}@example.com`, email_verified: true, aud: 'local-app' };
    const { id_token } = (await admin(endpoints, 'POST', '/_local/identity/google/token', claims)) as {
      id_token: string;
    };
    const api = customer.at(backendUrl);
    const body = { provider: 'google' as const, id_token };
    await customer.#tokens.write(tokensOf(dataOf(await api.POST('/api/auth/app-token', { body }))));
    return customer;
  }

  /** The API at one instance. */
  at(url: string): ApiClient {
    return createApiClient({
      baseUrl: url,
      tokens: this.#tokens,
      fetch: (request) => {
        request.headers.set('X-Forwarded-For', nextAddress());
        return fetch(request);
      },
    });
  }
}
