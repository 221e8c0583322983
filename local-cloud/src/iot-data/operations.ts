import type { Broker } from '../iot-broker/broker.ts';
import { brokerLimits, faultOfClientId, faultOfTopic, mayClientPublish } from '../iot-broker/topic-rules.ts';
import { AwsError } from '../kernel/aws-error.ts';
import type { AwsAnswer, AwsOperation, AwsRequest } from '../kernel/aws-server.ts';
import type { Clock } from '../kernel/clock.ts';
import { invalidRequest, notFound, shadowRefusal, tooLarge } from './errors.ts';
import { pageOf } from './paging.ts';
import { ShadowError } from './shadow-error.ts';
import { isShadowId } from './shadow-names.ts';
import type { ShadowTopics } from './shadow-topics.ts';
import type { ShadowId, Shadows } from './shadows.ts';

export interface DataPlane {
  shadows: Shadows;
  shadowTopics: ShadowTopics;
  broker: Pick<Broker, 'publish' | 'findPresence' | 'findSubscriptions' | 'disconnect' | 'sessions'>;
  clock: Clock;
  sessionExpirySeconds: number;
}

/** An operation with the resource that a role's policy must allow, without the prefix of its ARN. */
export interface DataPlaneOperation extends AwsOperation {
  resourceOf: (request: AwsRequest) => string;
}

/** The operations of the AWS IoT data plane (AWS IoT Core data plane API reference, version 2015-05-28). */
export function operationsOf(plane: DataPlane): DataPlaneOperation[] {
  return [...shadowOperations(plane), ...messageOperations(plane), ...connectionOperations(plane)];
}

function shadowOperations({ shadows, shadowTopics, clock }: DataPlane): DataPlaneOperation[] {
  const path = '/things/{thingName}/shadow';
  const resourceOf = ({ params }: AwsRequest): string => `thing/${params['thingName'] ?? ''}`;
  return [
    {
      name: 'GetThingShadow',
      method: 'GET',
      path,
      resourceOf,
      handle: (request) => shadowAnswer(() => shadows.get(shadowIdOf(request))),
    },
    {
      name: 'UpdateThingShadow',
      method: 'POST',
      path,
      resourceOf,
      handle: (request) =>
        shadowAnswer(() => {
          const id = shadowIdOf(request);
          const result = shadows.update(id, request.body);
          shadowTopics.announce(id, result);
          return result.accepted;
        }),
    },
    {
      name: 'DeleteThingShadow',
      method: 'DELETE',
      path,
      resourceOf,
      handle: (request) => shadowAnswer(() => shadows.delete(shadowIdOf(request))),
    },
    {
      name: 'ListNamedShadowsForThing',
      method: 'GET',
      path: '/api/things/shadow/ListNamedShadowsForThing/{thingName}',
      resourceOf,
      handle: ({ params, query }) => {
        const { items, ...rest } = pageOf(shadows.names(params['thingName'] ?? ''), query, {
          name: 'pageSize',
          most: 100,
        });
        return { json: { results: items, ...rest, timestamp: Math.floor(clock.nowSeconds()) } };
      },
    },
  ];
}

function messageOperations({ broker }: DataPlane): DataPlaneOperation[] {
  const resourceOf = ({ params }: AwsRequest): string => `topic/${params['topic'] ?? ''}`;
  return [
    {
      name: 'Publish',
      method: 'POST',
      path: '/topics/{topic+}',
      resourceOf,
      handle: ({ params: { topic = '' }, query, body }) => {
        const fault = faultOfTopic(topic);
        if (fault !== undefined) throw invalidRequest(`Invalid topic: ${fault}`);
        if (!mayClientPublish(topic))
          throw new AwsError('ForbiddenException', 403, `${topic} is reserved for AWS IoT`);
        if (body.length > brokerLimits.payloadBytes)
          throw tooLarge(`The payload is larger than ${brokerLimits.payloadBytes} bytes`);
        const qos = Number(query.get('qos') ?? '0');
        if (qos !== 0 && qos !== 1) throw invalidRequest('qos must be 0 or 1');
        const retain = query.get('retain') === 'true';
        if (retain && topic.startsWith('$')) throw invalidRequest('RETAIN is not allowed on reserved topics');
        broker.publish({ topic, payload: body, qos, retain });
        return { json: { message: 'OK' } };
      },
    },
    {
      name: 'ListRetainedMessages',
      method: 'GET',
      path: '/retainedMessage',
      resourceOf: () => '*',
      handle: ({ query }) => {
        const { items, ...rest } = pageOf(broker.sessions.retainedTopics(), query, {
          name: 'maxResults',
          most: 200,
        });
        const retainedTopics = items
          .map((topic) => broker.sessions.findRetained(topic))
          .filter((message) => message !== undefined)
          .map(({ topic, payload, qos, storedAt }) => ({
            topic,
            payloadSize: payload.length,
            qos,
            lastModifiedTime: storedAt,
          }));
        return { json: { retainedTopics, ...rest } };
      },
    },
    {
      name: 'GetRetainedMessage',
      method: 'GET',
      path: '/retainedMessage/{topic+}',
      resourceOf,
      handle: ({ params: { topic = '' } }) => {
        const message = broker.sessions.findRetained(topic);
        if (message === undefined) throw notFound(`No retained message on topic ${topic}`);
        const { payload, qos, storedAt } = message;
        return { json: { topic, payload: payload.toString('base64'), qos, lastModifiedTime: storedAt } };
      },
    },
  ];
}

/** What a connection was is told for half an hour after its end. */
const connectionMemoryMs = 30 * 60_000;

function connectionOperations({ broker, clock, sessionExpirySeconds }: DataPlane): DataPlaneOperation[] {
  const resourceOf = ({ params }: AwsRequest): string => `client/${params['clientId'] ?? ''}`;
  const path = '/connections/{clientId}';
  return [
    {
      name: 'GetConnection',
      method: 'GET',
      path,
      resourceOf,
      handle: (request) => {
        const clientId = clientIdOf(request);
        const found = broker.findPresence(clientId);
        const ended = found?.disconnectedAt;
        if (found === undefined || (ended !== undefined && clock.now() - ended > connectionMemoryMs))
          throw notFound(`No connection found for client ID ${clientId}`);
        const { sourceIp, sourcePort, targetPort } = found;
        const withSocket = request.query.get('includeSocketInformation') === 'true';
        return {
          json: {
            connected: ended === undefined,
            thingName: found.thingName,
            cleanSession: found.cleanSession,
            ...(withSocket && { sourceIp, sourcePort, targetIp: '127.0.0.1', targetPort }),
            keepAliveDuration: found.keepAliveSeconds,
            ...(ended === undefined
              ? { connectedSince: found.connectedAt }
              : { disconnectedSince: ended, disconnectReason: found.disconnectReason }),
            sessionExpiry: found.cleanSession ? 0 : sessionExpirySeconds,
            clientId,
          },
        };
      },
    },
    {
      name: 'DeleteConnection',
      method: 'DELETE',
      path,
      resourceOf,
      handle: (request) => {
        const clientId = clientIdOf(request);
        const disconnected = broker.disconnect(clientId, {
          cleanSession: request.query.get('cleanSession') === 'true',
          preventWillMessage: request.query.get('preventWillMessage') === 'true',
        });
        if (!disconnected) throw notFound(`No connection found for client ID ${clientId}`);
        return { json: {} };
      },
    },
    {
      name: 'ListSubscriptions',
      method: 'GET',
      path: `${path}/subscriptions`,
      resourceOf,
      handle: (request) => {
        const clientId = clientIdOf(request);
        const found = broker.findSubscriptions(clientId);
        if (found === undefined) throw notFound(`No connection found for client ID ${clientId}`);
        const { items, ...rest } = pageOf(Object.keys(found).sort(), request.query, {
          name: 'maxResults',
          most: 200,
        });
        return {
          json: {
            subscriptions: items.map((topicFilter) => ({ topicFilter, qos: found[topicFilter] ?? 0 })),
            ...rest,
          },
        };
      },
    },
  ];
}

function shadowIdOf({ params, query }: AwsRequest): ShadowId {
  const id = { thingName: params['thingName'] ?? '', shadowName: query.get('name') ?? undefined };
  if (!isShadowId(id)) throw invalidRequest('Invalid thing or shadow name');
  return id;
}

function clientIdOf({ params: { clientId = '' } }: AwsRequest): string {
  const fault = faultOfClientId(clientId);
  if (fault !== undefined) throw invalidRequest(`Invalid client ID: ${fault}`);
  return clientId;
}

function shadowAnswer(run: () => unknown): AwsAnswer {
  try {
    return { json: run() };
  } catch (error) {
    throw error instanceof ShadowError ? shadowRefusal(error) : error;
  }
}
