import { PathPattern } from '../path-pattern.ts';
import type { Service } from '../service.ts';

/** Calls a service's admin route without a connection. */
export async function callAdmin<T = unknown>(
  service: Service,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  for (const route of service.adminRoutes) {
    const params = route.method === method ? new PathPattern(route.path).match(path) : undefined;
    if (params !== undefined)
      return (await route.handle({ params, query: new URLSearchParams(), body })) as T;
  }
  throw new Error(`${service.name} has no route ${method} ${path}`);
}
