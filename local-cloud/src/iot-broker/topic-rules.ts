/**
 * What AWS IoT allows in topics and packets (AWS General Reference, "AWS IoT Core message broker and protocol limits
 * and quotas"). Each check answers what is wrong, or undefined.
 */
export const brokerLimits = {
  payloadBytes: 128 * 1024,
  topicBytes: 256,
  topicSlashes: 7,
  clientIdBytes: 128,
  filtersPerSubscribe: 8,
  subscriptionsPerConnection: 50,
  publishesPerSecond: 100,
} as const;

export function faultOfClientId(clientId: string): string | undefined {
  if (clientId === '') return 'the client id is empty; name one';
  if (Buffer.byteLength(clientId) > brokerLimits.clientIdBytes)
    return `the client id is longer than ${brokerLimits.clientIdBytes} bytes`;
  if (clientId.includes('\0')) return 'the client id holds a null character';
  return clientId.startsWith('$') ? 'the client id begins with $' : undefined;
}

/** For a topic to publish to, whoever publishes. */
export function faultOfTopic(topic: string): string | undefined {
  if (topic === '') return 'the topic is empty';
  if (/[+#\0]/.test(topic)) return 'the topic holds a wildcard or a null character';
  return faultOfLength(topic);
}

/** For a filter to subscribe to. */
export function faultOfFilter(filter: string): string | undefined {
  if (filter === '' || filter.includes('\0')) return 'the topic filter is empty or holds a null character';
  const levels = filter.split('/');
  if (levels.some((level) => level.length > 1 && /[+#]/.test(level)))
    return 'a wildcard stands for a whole level of the topic filter';
  if (levels.slice(0, -1).includes('#')) return '# is only allowed at the end of the topic filter';
  return faultOfLength(filter);
}

function faultOfLength(topic: string): string | undefined {
  // The rule's name and prefix do not count for Basic Ingest.
  const counted = topic.replace(/^\$aws\/rules\/[^/]+\//, '');
  if (Buffer.byteLength(counted) > brokerLimits.topicBytes)
    return `the topic is longer than ${brokerLimits.topicBytes} bytes`;
  const slashes = counted.split('/').length - 1;
  return slashes > brokerLimits.topicSlashes
    ? `the topic has more than ${brokerLimits.topicSlashes} slashes`
    : undefined;
}

/** Reserved topics a client may publish to (AWS IoT Developer Guide, "Reserved topics"); the rest only AWS writes. */
const clientRequests = [
  /^\$aws\/things\/[^/]+\/shadow(\/name\/[^/]+)?\/(get|update|delete)$/,
  /^\$aws\/things\/[^/]+\/jobs\/(get|start-next|[^/]+\/(get|update))$/,
  /^\$aws\/things\/[^/]+\/(defender\/metrics\/(json|cbor)|streams\/[^/]+\/(get|describe)\/(json|cbor))$/,
  /^\$aws\/certificates\/create(-from-csr)?\/(json|cbor)$/,
  /^\$aws\/provisioning-templates\/[^/]+\/provision\/(json|cbor)$/,
  /^\$aws\/rules\/[^/]+(\/.+)?$/,
];

export function isReserved(topic: string): boolean {
  return topic.startsWith('$');
}

export function mayClientPublish(topic: string): boolean {
  return !isReserved(topic) || clientRequests.some((pattern) => pattern.test(topic));
}
