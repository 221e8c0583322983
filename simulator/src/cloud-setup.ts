import { readFileSync } from 'node:fs';
import {
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleAliasCommand,
  CreateThingTypeCommand,
  DeletePolicyVersionCommand,
  GetPolicyCommand,
  IoTClient,
  ListPolicyVersionsCommand,
  ResourceAlreadyExistsException,
} from '@aws-sdk/client-iot';
import type { Endpoints } from './endpoints.ts';

/** The provisioning tool's defaults. */
const boardThingType = 'aovis-camera';
const boardPolicy = 'aovis-board';
const boardRoleAlias = 'aovis-board-video';
const boardRole = 'aovis-board-video';
const credentialSeconds = 3600;

/**
 * What the infrastructure of an AWS account must hold before the first board: thing type, the boards' IoT policy, their
 * role and its alias, and the way of board messages to the backend. Repeating it changes nothing.
 */
export async function setUpCloud(
  endpoints: Endpoints,
  options: { backendUrl: string; iotEventSecret: string },
): Promise<void> {
  const { region, accountId, accessKeyId, secretAccessKey } = endpoints;
  const iot = new IoTClient({
    region,
    endpoint: endpoints.iot.controlUrl,
    credentials: { accessKeyId, secretAccessKey },
  });
  try {
    await once(iot.send(new CreateThingTypeCommand({ thingTypeName: boardThingType })));
    await setPolicy(iot, boardPolicy, readPolicy('board-policy.json', endpoints));
    await admin(endpoints, 'PUT', `/_local/roles/${boardRole}`, {
      trust: JSON.parse(readPolicy('board-role-trust.json', endpoints)),
      policyDocument: JSON.parse(readPolicy('board-role.json', endpoints)),
      maxSessionSeconds: credentialSeconds,
    });
    await once(
      iot.send(
        new CreateRoleAliasCommand({
          roleAlias: boardRoleAlias,
          roleArn: `arn:aws:iam::${accountId}:role/${boardRole}`,
          credentialDurationSeconds: credentialSeconds,
        }),
      ),
    );
  } finally {
    iot.destroy();
  }
  // In AWS: topic rules with a function that signs; see docs/architecture.md, "Board messages".
  await admin(endpoints, 'PUT', '/_local/event-forwarder', {
    url: `${options.backendUrl}/api/internal/aws/iot-event`,
    secret: options.iotEventSecret,
  });
}

/** A board of yesterday's must be allowed what today's agent does: it would be cut off at the first refused subscription. */
async function setPolicy(iot: IoTClient, policyName: string, policyDocument: string): Promise<void> {
  await once(iot.send(new CreatePolicyCommand({ policyName, policyDocument })));
  const present = await iot.send(new GetPolicyCommand({ policyName }));
  if (present.policyDocument === policyDocument) return;
  // AWS IoT keeps five versions.
  const { policyVersions = [] } = await iot.send(new ListPolicyVersionsCommand({ policyName }));
  for (const { versionId, isDefaultVersion } of policyVersions)
    if (isDefaultVersion !== true)
      await iot.send(new DeletePolicyVersionCommand({ policyName, policyVersionId: versionId }));
  await iot.send(new CreatePolicyVersionCommand({ policyName, policyDocument, setAsDefault: true }));
}

/** Calls the admin surface of local-cloud; throws with its answer when it refuses. */
export async function admin(
  endpoints: Endpoints,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(new URL(path, endpoints.iot.adminUrl), {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** A policy of device-agent/policies with region and account filled in. */
export function readPolicy(
  file: string,
  { region, accountId }: { region: string; accountId: string },
): string {
  const url = new URL(`../../device-agent/policies/${file}`, import.meta.url);
  return readFileSync(url, 'utf8').replaceAll('REGION', region).replaceAll('ACCOUNT', accountId);
}

async function once(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ResourceAlreadyExistsException)) throw error;
  }
}
