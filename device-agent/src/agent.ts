import { randomBytes, randomUUID } from 'node:crypto';
import { configShadow, ownershipShadow } from '@aovis/contracts/topics';
import { monotonicFactory } from 'ulid';
import { createBinding } from './binding/create-binding.ts';
import { GatedConnection } from './binding/gated-connection.ts';
import { Camera } from './camera/camera.ts';
import { CameraSettings } from './camera/camera-settings.ts';
import { cameraSources } from './camera/create-camera-source.ts';
import { boardActions } from './commands/board-actions.ts';
import { CommandJournal } from './commands/command-journal.ts';
import { CommandListener } from './commands/command-listener.ts';
import type { AgentConfig } from './config.ts';
import { CredentialProvider } from './credentials/credential-provider.ts';
import { BoardEvents } from './events/board-events.ts';
import { announceBoot } from './events/boot.ts';
import { EventServer } from './events/event-server.ts';
import { StreamStateEvent } from './events/stream-state-event.ts';
import { Telemetry } from './events/telemetry.ts';
import { buildInfo } from './host/build-info.ts';
import type { Clock } from './host/clock.ts';
import type { LogFile } from './host/log-file.ts';
import { type Logger, PartLoggers } from './host/logger.ts';
import { Machine, readMachineBootId } from './host/machine.ts';
import type { RecentProblems } from './host/recent-problems.ts';
import { freeBytesAt, type StateDirectory } from './host/state-directory.ts';
import type { Bundle } from './identity/bundle.ts';
import type { BundleIdentities } from './identity/bundle-identities.ts';
import { parseHostPort } from './identity/host-port.ts';
import { loadDriver } from './iot/load-driver.ts';
import { MqttConnection } from './iot/mqtt-connection.ts';
import { announcePresence, offlineWill } from './iot/presence.ts';
import { watchAttempts } from './iot/watched-link.ts';
import { createJobs } from './jobs/create-jobs.ts';
import { invitationOf } from './live-view/admission.ts';
import { createLiveView } from './live-view/create-live-view.ts';
import { MetricsServer } from './operating/metrics/metrics-server.ts';
import { renderMetrics } from './operating/metrics/render-metrics.ts';
import { Liveness } from './operating/service/liveness.ts';
import type { ServiceManager } from './operating/service/service-manager.ts';
import { statusLine } from './operating/service/status-line.ts';
import { Supervision } from './operating/service/supervision.ts';
import type { Part } from './part.ts';
import { OutboundPublisher } from './queue/outbound-publisher.ts';
import { OutboundQueue } from './queue/outbound-queue.ts';
import type { PublishOutcome, QueuedMessage } from './queue/queued-message.ts';
import { defaultConfig, refuseBeyondCamera } from './shadow/board-limits.ts';
import { ConfigApplier } from './shadow/config-applier.ts';
import { ConfigEnforcer } from './shadow/config-enforcer.ts';
import { ShadowClient } from './shadow/shadow-client.ts';
import { ShadowReporter } from './shadow/shadow-reporter.ts';
import { runningSoftware } from './software/running-software.ts';
import { SoftwareStore } from './software/software-store.ts';
import { TrialWatch } from './software/trial-watch.ts';
import { startInOrder, stopInReverse } from './start-order.ts';
import type { AgentStatus } from './status/agent-status.ts';
import { BoardReport } from './status/board-report.ts';
import { describeAgent } from './status/describe-agent.ts';
import { StatusServer } from './status/status-server.ts';
import { BitrateController } from './streaming/bitrate-controller.ts';
import { kinesisVideoEndpoint } from './streaming/data-endpoint-client.ts';
import { StreamUploader } from './streaming/stream-uploader.ts';
import { ClockWatch } from './timekeeping/clock-watch.ts';
import { askTheTime } from './timekeeping/time-answer.ts';

export interface AgentOptions {
  config: AgentConfig;
  bundle: Bundle;
  state: StateDirectory;
  identities: BundleIdentities;
  /** Where lines are kept without journald; its directory may have some from such a run in any case. */
  logFile: LogFile;
  /** The H.264 clip that the source `clip` plays. */
  clipPath: string;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  logger: Logger;
  problems: RecentProblems;
  /** Ends the agent so that whoever started it starts it anew. */
  restart: () => void;
  /** Who started the agent and wants to know how it is, if anybody does. */
  manager?: ServiceManager | undefined;
}

export interface Agent {
  /** Resolves when all parts run; the network may still be away. Rejects with `Refusal` when the agent cannot run. */
  start(signal: AbortSignal): Promise<void>;
  /** Stops the parts, last started first. */
  stop(): Promise<void>;
  status: () => AgentStatus;
}

/** The whole agent, put together; nothing runs yet. */
export function createAgent(options: AgentOptions): Agent {
  const { config, state, identities, clipPath, clock, random, problems } = options;
  const bundle = identities.identity.within(options.bundle);
  const { descriptor, thing } = bundle;
  const loggers = new PartLoggers(options.logger);
  const newUlid = monotonicFactory();
  const bootId = newUlid(clock.now());
  const common = { clock, random };

  const clockWatch = new ClockWatch({
    clock,
    ask: (signal) => askTheTime(bundle, clock, signal),
    validity: () => bundle,
    builtAt: buildInfo.builtAt,
    doubtPath: state.clockDoubt,
    logger: loggers.of('clock'),
    onRight: () => {
      if (connection.state !== 'connected') void connection.reconnect();
    },
  });
  const connection = new MqttConnection({
    ...common,
    onFailure: ({ code }) => {
      if (code === 'clock-wrong' || code === 'certificate-expired') clockWatch.doubt();
    },
    loadDriver: async () =>
      watchAttempts(await loadDriver(config.mqttDriver), () => identities.identity.noteRefused()),
    // Of the moment: a rotation changes key and certificate.
    get endpoint() {
      return {
        ...parseHostPort(descriptor.endpoints.iot, 8883),
        certificate: bundle.certificate,
        privateKey: bundle.privateKey,
        rootCa: bundle.rootCa,
        clientId: thing,
        keepAliveSeconds: config.keepAliveSeconds,
        will: offlineWill(thing),
      };
    },
    logger: loggers.of('iot'),
  });
  announcePresence(connection, thing, clock);
  // What was kept goes out by this one: only once the board knows whose it is.
  const gate = new GatedConnection(connection);
  const credentials = new CredentialProvider({
    ...common,
    ...parseHostPort(descriptor.endpoints.credentials, 443),
    get certificate() {
      return bundle.certificate;
    },
    get privateKey() {
      return bundle.privateKey;
    },
    rootCa: bundle.rootCa,
    roleAlias: descriptor.role_alias,
    thing,
    logger: loggers.of('credentials'),
    onClockInDoubt: () => clockWatch.doubt(),
  });

  const { ffmpeg, rpicam, encoder, sound } = config;
  const programs = { ffmpeg, rpicam, encoder, sound };
  const sourceFor = cameraSources({ specification: config.source, clock, clipPath, ...programs });
  const defaults = defaultConfig(config.logLevel);
  const camera = new Camera({ ...common, source: sourceFor(defaults.camera), logger: loggers.of('camera') });
  const cameraSettings = new CameraSettings({
    camera,
    sourceFor,
    onTarget: (bitrateBps) => bitrate.setTarget(bitrateBps),
  });
  const bitrate = new BitrateController({
    clock,
    logger: loggers.of('streaming'),
    onChange: (bitrateBps) => void cameraSettings.useBitrate(bitrateBps),
  });
  const video = {
    ...common,
    camera,
    credentials,
    region: descriptor.region,
    endpoint: new URL(descriptor.endpoints.kinesis_video ?? kinesisVideoEndpoint(descriptor.region)),
    userAgent: `aovis-agent/${buildInfo.version}`,
    ...(descriptor.endpoints.kinesis_video === undefined ? {} : { ca: bundle.rootCa }),
  };
  const streaming = new StreamUploader({
    ...video,
    streamName: descriptor.stream,
    logger: loggers.of('streaming'),
    randomBytes,
    onSample: (sample) => bitrate.sample(sample),
    ...(config.videoBufferBytes === 0
      ? {}
      : {
          disk: {
            directory: state.video,
            maxBytes: config.videoBufferBytes,
            freeBytes: () => freeBytesAt(state.path),
          },
        }),
    onChange: (status) => {
      streamStateEvent.note(status);
      // What is signed at another time than the service's is refused as if the board might not stream.
      if (status.state === 'failed') clockWatch.doubt();
      reporter.changed();
    },
  });

  gate.onConnected(() => streaming.sendKept());

  const outboundLogger = loggers.of('outbound');
  const queue = new OutboundQueue({ directory: state.outbox, clock, logger: outboundLogger });
  const outbound = new OutboundPublisher({ ...common, connection: gate, queue, logger: outboundLogger });
  const publish = (message: QueuedMessage): Promise<PublishOutcome> => outbound.publish(message);
  const events = new BoardEvents({
    thing,
    clock,
    newUlid,
    publish,
    onEvent: ({ event_id: id, type }) => {
      if (type === 'motion' || type === 'alarm') streaming.trigger({ id, type });
    },
  });
  const streamStateEvent = new StreamStateEvent(events);
  const report = new BoardReport({
    clock,
    machine: new Machine(clock),
    camera,
    streaming,
    queue,
    model: descriptor.model,
    firmware: config.firmware,
    agentVersion: buildInfo.version,
    bootId,
    freeBytes: () => freeBytesAt(state.path),
    binding: () => keeper.status(),
  });
  const telemetry = new Telemetry({
    thing,
    clock,
    newUlid,
    publish,
    measure: () => report.measurements(),
    intervalSeconds: defaults.telemetry.interval_s,
  });

  const shadow = (logger: Logger, shadowName?: string): ShadowClient =>
    new ShadowClient({
      connection,
      clock,
      logger,
      thing,
      newToken: randomUUID,
      ...(shadowName === undefined ? {} : { shadowName }),
    });
  const shadowLogger = loggers.of('shadow');
  const reporter = new ShadowReporter({
    ...common,
    client: shadow(shadowLogger),
    connection,
    logger: shadowLogger,
    collect: () => report.reportedState(),
    cachePath: state.reportedState,
  });
  const configLogger = loggers.of('config');
  const applier = new ConfigApplier({
    ...common,
    client: shadow(configLogger, configShadow),
    connection: gate,
    logger: configLogger,
    defaults,
    path: state.runningConfig,
    refuse: refuseBeyondCamera(config.source),
    onChange: new ConfigEnforcer({
      loggers,
      telemetry,
      streaming,
      camera: cameraSettings,
      logger: configLogger,
    }).enforce,
    onRefused: (errors) => events.emit('config_error', { errors }),
    onLost: () => reporter.lost(),
  });
  const commandLogger = loggers.of('commands');
  const machineBootId = readMachineBootId(config.bootIdFile);
  const actions = boardActions({
    clock,
    logger: commandLogger,
    requestKeyframe: () => camera.requestKeyframe(),
    identify: config.identifyCommand,
    reboot: config.rebootCommand,
    ptz: config.ptzCommand,
    machineBootId,
  });
  const commandJournal = new CommandJournal({ path: state.commands });
  const commands = new CommandListener({
    thing,
    connection,
    clock,
    logger: commandLogger,
    journal: commandJournal,
    actions,
    machineBootId,
  });
  const softwareLogger = loggers.of('software');
  const softwareStore = new SoftwareStore(state.software);
  const partsWhere = (well: boolean): string[] =>
    parts.filter((part) => part.health().ok === well).map(({ name }) => name);
  const trialWatch = new TrialWatch({
    clock,
    store: softwareStore,
    software: runningSoftware(),
    logger: softwareLogger,
    unwellParts: () => partsWhere(false),
    restart: options.restart,
  });
  const jobs = createJobs({
    ...common,
    config,
    thing,
    connection,
    credentials,
    identities,
    machineBootId,
    outcomePath: state.jobs,
    update: {
      store: softwareStore,
      watch: trialWatch,
      wellParts: () => partsWhere(true),
      restart: options.restart,
    },
    logger: loggers.of('jobs'),
  });
  const liveView = createLiveView({
    ...video,
    actions,
    invitationOf: (clientId) => invitationOf(clientId, keeper.status().ownership),
    channelName: descriptor.channel,
    library: config.liveViewLibrary,
    bindAddress: config.liveViewAddress,
    logger: loggers.of('live view'),
  });

  const bindingLogger = loggers.of('binding');
  const { keeper, parts: bindingParts } = createBinding({
    ...common,
    config,
    state,
    bundle,
    connection,
    gate,
    client: shadow(bindingLogger, ownershipShadow),
    events,
    data: [
      { name: 'messages that wait', wipe: () => outbound.wipe() },
      { name: 'pictures that wait', wipe: () => streaming.forgetWaiting() },
      { name: 'commands', wipe: () => commandJournal.forgetExpired(clock.now()) },
      { name: 'settings', wipe: () => applier.reset() },
      // They name no person, but say when somebody watched and what was set.
      { name: 'log', wipe: async () => options.logFile.wipe() },
    ],
    logger: bindingLogger,
    onChange: () => {
      reporter.changed();
      liveView.reviewViewers();
    },
    // The cloud has wiped what this board reported, before it said that the owner has left.
    onWiped: () => reporter.lost(),
  });

  const described = {
    bundle,
    connection,
    reporter,
    applier,
    keeper,
    camera,
    streaming,
    queue,
    report,
    problems,
    clock,
  };
  const status = (): AgentStatus => describeAgent({ ...described, parts });

  // The status server first: it holds the lock of the state directory. Then what listens, then what connects.
  const parts: Part[] = [
    new StatusServer({ directory: state.path, status }),
    applier,
    reporter,
    commands,
    jobs,
    trialWatch,
    outbound,
    telemetry,
    ...bindingParts,
    new EventServer({ directory: state.path, events, clock }),
    clockWatch,
    connection,
    camera,
    streaming,
    liveView,
    new MetricsServer({
      port: config.metricsPort,
      render: () => renderMetrics(status(), process.memoryUsage.rss()),
    }),
    // Last: it says that the others have started.
    new Supervision({
      clock,
      manager: options.manager,
      logger: loggers.of('service'),
      standstill: () => liveness.standstill(),
      statusLine: () => statusLine(status()),
    }),
  ];
  const liveness = new Liveness({ clock, parts: () => parts, stream: () => streaming.status() });
  return {
    start: async (signal) => {
      await startInOrder(parts, signal);
      await announceBoot(events, {
        path: state.lastBoot,
        bootId,
        machineBootId,
        agentVersion: buildInfo.version,
        logger: options.logger,
      });
    },
    stop: () => stopInReverse(parts),
    status,
  };
}
