import { CredentialProvider } from '../../credentials/credential-provider.ts';
import type { CredentialSource } from '../../credentials/credential-source.ts';
import type { Clock } from '../../host/clock.ts';
import { createLogger } from '../../host/logger.ts';
import type { Bundle } from '../../identity/bundle.ts';
import { parseHostPort } from '../../identity/host-port.ts';
import type { AgentStatus } from '../../status/agent-status.ts';
import { DataEndpointClient, kinesisVideoEndpoint } from '../../streaming/data-endpoint-client.ts';
import { decideHttpError } from '../../streaming/error-decisions.ts';
import { type ConnectionEnd, openPutMedia } from '../../streaming/put-media-connection.ts';
import { Finding, type Learned } from './examination.ts';

const userAgent = 'aovis-agent-doctor';
/** The service answers as soon as it has looked at the headers. */
const answerTimeoutMs = 10_000;

export async function lookAtCredentials(
  { descriptor, thing, certificate, privateKey, rootCa }: Bundle,
  clock: Clock,
): Promise<Learned<CredentialSource>> {
  const provider = new CredentialProvider({
    ...parseHostPort(descriptor.endpoints.credentials, 443),
    roleAlias: descriptor.role_alias,
    thing,
    certificate,
    privateKey,
    rootCa,
    clock,
    logger: createLogger({ level: 'silent' }),
    random: Math.random,
  });
  const { expiresAt } = await provider.get();
  return {
    value: provider,
    detail: `${descriptor.role_alias} gives credentials until ${expiresAt.toISOString().slice(0, 19)}Z`,
  };
}

/** Opens the board's stream for writing and writes nothing. */
export async function lookAtPutMedia(
  { descriptor, rootCa }: Bundle,
  credentials: CredentialSource,
  clock: Clock,
  running: AgentStatus | undefined,
): Promise<Learned<void>> {
  if (running?.stream.state === 'streaming' || running?.stream.state === 'degraded')
    return { value: undefined, detail: `the agent that runs (process ${running.pid}) is streaming` };
  const { region, stream: streamName, endpoints } = descriptor;
  const caller = {
    region,
    streamName,
    credentials,
    clock,
    userAgent,
    ...(endpoints.kinesis_video === undefined ? {} : { ca: rootCa }),
  };
  const endpoint = await new DataEndpointClient({
    ...caller,
    endpoint: new URL(endpoints.kinesis_video ?? kinesisVideoEndpoint(region)),
    apiName: 'PUT_MEDIA',
  }).get(AbortSignal.timeout(answerTimeoutMs));
  const end = await tryPutMedia({ ...caller, credentials: await credentials.get(), endpoint });
  if (end === undefined)
    return { value: undefined, detail: `${streamName} can be written at ${endpoint.host}` };
  throw new Finding(`PutMedia to ${streamName} at ${endpoint.host} failed: ${sentenceOf(end)}`);
}

/** What was wrong with it; undefined when the service took the request. */
async function tryPutMedia(
  options: Omit<Parameters<typeof openPutMedia>[0], 'listener' | 'producerStartMs'>,
): Promise<ConnectionEnd | undefined> {
  const { clock } = options;
  let answered: (end: ConnectionEnd | undefined) => void = () => {};
  const answer = new Promise<ConnectionEnd | undefined>((resolve) => {
    answered = resolve;
  });
  const connection = await openPutMedia({
    ...options,
    producerStartMs: clock.now(),
    listener: {
      onAccepted: () => answered(undefined),
      onAck: () => {},
      onDrain: () => {},
      onEnd: (end) => answered(end),
    },
  });
  const timer = setTimeout(
    () => answered({ kind: 'broken', reason: `no answer within ${answerTimeoutMs / 1_000} s` }),
    answerTimeoutMs,
  );
  const end = await answer;
  clearTimeout(timer);
  connection.close();
  return end;
}

function sentenceOf(end: ConnectionEnd): string {
  if (end.kind !== 'refused')
    return `${end.reason}. Check the uplink, and that nothing in between cuts or delays long requests.`;
  const { name, advice } = decideHttpError(end.status, end.exception);
  return `${name}. ${advice}`;
}
