import request from 'supertest';
import type { Person } from '../../../security/testing/people.ts';
import type { BackendUnderTest } from '../../../testing/backend-under-test.ts';

export type StaffCall = (
  who: Pick<Person, 'token'>,
  method: 'get' | 'post' | 'patch' | 'put',
  path: string,
  body?: object,
) => request.Test;

/** Calls routes of staff; paths begin after `/api/admin`. */
export function staffCalls({ backend }: Pick<BackendUnderTest, 'backend'>): StaffCall {
  return (who, method, path, body) => {
    const asked = request(backend.app)
      [method](`/api/admin${path}`)
      .set('Authorization', `Bearer ${who.token}`);
    return body === undefined ? asked : asked.send(body);
  };
}

/** The code of a refusal. */
export function codeOf({ body }: request.Response): string | undefined {
  return (body as { error?: { code: string } }).error?.code;
}
