import { z } from 'zod';
import type { AdminRoute } from '../kernel/admin-route.ts';
import type { Certificates } from './certificates.ts';
import type { IotState } from './state.ts';

const statusSchema = z.strictObject({ status: z.enum(['ACTIVE', 'INACTIVE', 'REVOKED']) });

/** What a person or a test may see and do to the registry from outside AWS's API. */
export function adminRoutes(state: IotState, certificates: Certificates): AdminRoute[] {
  const summary = (certificateId: string) => {
    const { certificatePem: _pem, ...stored } = certificates.get(certificateId);
    return {
      ...stored,
      things: [...state.thingPrincipals.leftsOf(stored.certificateArn).keys()],
      policies: [...state.policyTargets.leftsOf(stored.certificateArn).keys()],
    };
  };
  return [
    {
      method: 'GET',
      path: '/_local/certificates',
      summary: 'The registered certificates, with their status, things and policies',
      handle: () => ({
        certificates: [...state.certificates.values()].map((one) => summary(one.certificateId)),
      }),
    },
    {
      method: 'PUT',
      path: '/_local/certificates/{certificateId}/status',
      summary:
        'Sets a certificate ACTIVE, INACTIVE or REVOKED: {"status":"REVOKED"}; its boards are disconnected',
      handle: ({ params, body }) => {
        const certificateId = params['certificateId'] ?? '';
        certificates.setStatus(certificateId, statusSchema.parse(body).status);
        return summary(certificateId);
      },
    },
    {
      method: 'GET',
      path: '/_local/things',
      summary: 'The things of the registry with their certificates',
      handle: () => ({
        things: [...state.things.values()].map((thing) => ({
          ...thing,
          principals: [...state.thingPrincipals.rightsOf(thing.thingName).keys()],
        })),
      }),
    },
  ];
}
