import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { classifyEnd } from '../../iot/connection-failure.ts';
import type { IotEndpoint } from '../../iot/iot-connection.ts';
import { diagnoseTls } from '../../iot/tls-diagnosis.ts';
import { Finding, type Learned } from './examination.ts';

export interface Host {
  /** Where its name stands, for the person who has to correct it. */
  from: string;
  host: string;
  port: number;
}

const timeoutMs = 10_000;
/** Where AWS IoT Core takes MQTT as well, by ALPN (Developer Guide, "Device communication protocols"). */
const openPort = 443;

type Lookup = (host: string) => Promise<{ address: string }>;

export async function lookAtDns(hosts: readonly Host[], resolve: Lookup = lookup): Promise<Learned<void>> {
  const named = hosts.filter(({ host }) => isIP(host) === 0);
  const answers = await Promise.allSettled(named.map(({ host }) => withinTime(resolve(host), host)));
  const failed = named.filter((_, index) => answers[index]?.status === 'rejected');
  const [first] = failed;
  if (first === undefined) {
    const found = named.map(({ host }, index) => {
      const answer = answers[index];
      return `${host} is ${answer?.status === 'fulfilled' ? answer.value.address : '?'}`;
    });
    return {
      value: undefined,
      detail: found.length === 0 ? 'there are no names to resolve' : found.join(', '),
    };
  }
  throw new Finding(
    failed.length === named.length
      ? `No name can be resolved (${first.host}: ${reasonOf(answers[0])}): check that the uplink is up (APN, SIM, ` +
          'cable) and that /etc/resolv.conf names a DNS server that answers.'
      : `The name ${first.host} cannot be resolved while others can: correct ${first.from} in device.json.`,
  );
}

const reasonOf = (answer: PromiseSettledResult<unknown> | undefined): string =>
  answer?.status === 'rejected' ? codeOf(answer.reason) : 'no answer';

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

function withinTime<T>(work: Promise<T>, host: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(Object.assign(new Error(`no answer about ${host}`), { code: 'ETIMEOUT' })),
      timeoutMs,
    );
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** What keeps a TCP connection from being made; undefined when nothing does. */
type Connect = (host: string, port: number) => Promise<string | undefined>;

export async function lookAtTcp(
  hosts: readonly Host[],
  mqtt: Host,
  tryConnecting: Connect = connectTcp,
): Promise<Learned<void>> {
  for (const { host, port } of hosts) {
    const problem = await tryConnecting(host, port);
    if (problem === undefined) continue;
    const blocked =
      host === mqtt.host && port === mqtt.port && port !== openPort
        ? await openPortAdvice(host, tryConnecting)
        : 'check the uplink, and that no firewall is in between';
    throw new Finding(`${host}:${port} cannot be reached (${problem}): ${blocked}.`);
  }
  return {
    value: undefined,
    detail: `${hosts.map(({ host, port }) => `${host}:${port}`).join(', ')} answer`,
  };
}

async function openPortAdvice(host: string, tryConnecting: Connect): Promise<string> {
  return (await tryConnecting(host, openPort)) === undefined
    ? `the network blocks this port, but not ${openPort}: write ${host}:${openPort} as endpoints.iot in device.json`
    : 'check the uplink, and that no firewall blocks outgoing connections';
}

async function connectTcp(host: string, port: number): Promise<string | undefined> {
  const socket: Socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    return code === 'ABORT_ERR' ? `no answer within ${timeoutMs / 1_000} s` : code;
  } finally {
    socket.destroy();
  }
}

/** The handshake with the MQTT endpoint, in both directions. */
export async function lookAtTls(endpoint: IotEndpoint): Promise<Learned<void>> {
  const end = await diagnoseTls(endpoint);
  if (end.error !== undefined || !end.secured) {
    const { sentence } = classifyEnd({
      ...end,
      ...endpoint,
      accepted: false,
      pendingFilters: [],
      pendingTopics: [],
    });
    throw new Finding(sentence);
  }
  return {
    value: undefined,
    detail: `root-ca.pem vouches for ${endpoint.host}:${endpoint.port}, which takes this board's certificate in the handshake`,
  };
}
