import type { FakeIotAccount } from './fake-iot-account.ts';
import { arn, page, type Route, text } from './fake-iot-wire.ts';

/** Policies, and what has them. */
export function policyRoutes(account: FakeIotAccount): Route[] {
  return [
    {
      method: 'GET',
      path: /^\/policies\/([^/]+)$/,
      operation: 'GetPolicy',
      handle: ({ name }) =>
        account.named(account.policies, name, { policyName: name, policyArn: arn(`policy/${name}`) }),
    },
    {
      method: 'POST',
      path: /^\/attached-policies\/(.+)$/,
      operation: 'ListAttachedPolicies',
      handle: ({ name }) => ({
        policies: [...account.get(account.certificates, name.split('cert/')[1] ?? '').policies].map(
          (policyName) => ({ policyName, policyArn: arn(`policy/${policyName}`) }),
        ),
      }),
    },
    {
      method: 'POST',
      path: /^\/target-policies\/([^/]+)$/,
      operation: 'DetachPolicy',
      handle: ({ name, body }) => {
        account.get(account.certificates, text(body['target']).split('cert/')[1] ?? '').policies.delete(name);
        return {};
      },
    },
    {
      method: 'POST',
      path: /^\/policy-targets\/([^/]+)$/,
      operation: 'ListTargetsForPolicy',
      handle: ({ name, query }) => {
        const all = [...account.certificates].filter(([, { policies }]) => policies.has(name));
        const { items, next } = page(all, query.get('marker'), query.get('pageSize'));
        return { targets: items.map(([id]) => arn(`cert/${id}`)), nextMarker: next };
      },
    },
    {
      method: 'PUT',
      path: /^\/target-policies\/([^/]+)$/,
      operation: 'AttachPolicy',
      handle: ({ name, body }) => {
        account.named(account.policies, name, {});
        account.get(account.certificates, text(body['target']).split('cert/')[1] ?? '').policies.add(name);
        return {};
      },
    },
  ];
}
