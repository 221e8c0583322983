import type { AgentConfig } from '../../config.ts';
import type { Clock } from '../../host/clock.ts';
import { bundleOf } from '../../identity/bundle.ts';
import { parseHostPort } from '../../identity/host-port.ts';
import { agentFilters } from '../../iot/agent-topics.ts';
import type { IotEndpoint } from '../../iot/iot-connection.ts';
import { offlineWill } from '../../iot/presence.ts';
import type { AgentStatus } from '../../status/agent-status.ts';
import { kinesisVideoEndpoint } from '../../streaming/data-endpoint-client.ts';
import { askTheTime } from '../../timekeeping/time-answer.ts';
import { lookAtChain, lookAtClock, lookAtFiles, lookAtKey } from './board-steps.ts';
import { type DoctorReport, Examination } from './examination.ts';
import { lookAtMqtt } from './mqtt-step.ts';
import { type Host, lookAtDns, lookAtTcp, lookAtTls } from './network-steps.ts';
import { lookAtCredentials, lookAtPutMedia } from './video-steps.ts';

export interface DoctorOptions {
  config: Pick<AgentConfig, 'bundle' | 'state' | 'keepAliveSeconds'>;
  clock: Clock;
  /** When the agent was built, milliseconds since the epoch: no true clock is earlier. */
  builtAt: number;
  /** The agent that runs with this state directory, if one does: it is asked rather than driven out. */
  readStatus: (stateDirectory: string) => Promise<AgentStatus | undefined>;
}

/**
 * Walks the way from the files on the board to the video service and stops at the first step that fails. It changes
 * nothing, neither on the board nor in the cloud.
 */
export function examineBoard({ config, clock, builtAt, readStatus }: DoctorOptions): Promise<DoctorReport> {
  const examination = new Examination(clock);
  return examination.run(async () => {
    const files = await examination.step('files', () => lookAtFiles(config.bundle, config.state));
    const chain = await examination.step('key', () => lookAtKey(files));
    await examination.step('chain', () => lookAtChain(files, chain));
    const bundle = bundleOf(files, chain);
    await examination.step('clock', () =>
      lookAtClock({ clock, chain, builtAt, ask: (signal) => askTheTime(bundle, clock, signal) }),
    );

    const { endpoints, region } = bundle.descriptor;
    const mqtt: Host = { from: 'endpoints.iot', ...parseHostPort(endpoints.iot, 8883) };
    const hosts: Host[] = [
      mqtt,
      { from: 'endpoints.credentials', ...parseHostPort(endpoints.credentials, 443) },
      endpoints.kinesis_video === undefined
        ? { from: 'region', ...hostOf(kinesisVideoEndpoint(region)) }
        : { from: 'endpoints.kinesis_video', ...hostOf(new URL(endpoints.kinesis_video)) },
    ];
    await examination.step('dns', () => lookAtDns(hosts));
    await examination.step('tcp', () => lookAtTcp(hosts, mqtt));

    const endpoint: IotEndpoint = {
      ...mqtt,
      clientId: bundle.thing,
      certificate: bundle.certificate,
      privateKey: bundle.privateKey,
      rootCa: bundle.rootCa,
      keepAliveSeconds: config.keepAliveSeconds,
      will: offlineWill(bundle.thing),
    };
    await examination.step('tls', () => lookAtTls(endpoint));
    const running = await readStatus(config.state);
    await examination.step('mqtt', () => lookAtMqtt(endpoint, agentFilters(bundle.thing), running));
    const credentials = await examination.step('credentials', () => lookAtCredentials(bundle, clock));
    await examination.step('putmedia', () => lookAtPutMedia(bundle, credentials, clock, running));
  });
}

function hostOf(url: URL): { host: string; port: number } {
  const usual = url.protocol === 'http:' ? 80 : 443;
  return { host: url.hostname, port: url.port === '' ? usual : Number(url.port) };
}
