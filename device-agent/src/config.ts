import { isIPv4 } from 'node:net';
import { type H264Encoder, h264Encoders } from './camera/encoder.ts';
import { parseSoundSpecification, refuseSound, type SoundSpecification, soundForms } from './camera/sound.ts';
import {
  parseSourceSpecification,
  type SourceSpecification,
  sourceForms,
} from './camera/source-specification.ts';
import type { Program } from './commands/run-program.ts';
import type { LogLevel } from './host/logger.ts';
import { type MqttDriver, mqttDrivers } from './iot/mqtt-link.ts';
import { type PeerLibraryName, peerLibraryNames } from './live-view/peer/peer-library-name.ts';
import { Refusal } from './refusal.ts';

export interface AgentConfig {
  bundle: string;
  state: string;
  source: SourceSpecification;
  sound: SoundSpecification;
  ffmpeg: string;
  rpicam: string;
  encoder: H264Encoder;
  videoBufferBytes: number;
  logLevel: Exclude<LogLevel, 'silent'>;
  mqttDriver: MqttDriver;
  keepAliveSeconds: number;
  firmware: string;
  identifyCommand: Program | undefined;
  claimLightCommand: Program | undefined;
  rebootCommand: Program | undefined;
  bootIdFile: string;
  logsCommand: Program | undefined;
  updateKey: string | undefined;
  clockCommand: Program | undefined;
  ptzCommand: Program | undefined;
  liveViewLibrary: PeerLibraryName;
  liveViewAddress: string | undefined;
  metricsPort: number | undefined;
}

interface Setting<T> {
  variable: `AOVIS_AGENT_${string}`;
  /** As commander writes it. */
  flag: `--${string}`;
  /** As somebody would type it. */
  default: string;
  /** Throws an Error whose message completes «VARIABLE …». */
  parse: (text: string) => T;
  sentence: string;
}

type SettingsTable = { [Name in keyof AgentConfig]: Setting<AgentConfig[Name]> };

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

/** Every setting of the agent: command line before environment before default. docs/agent.md is made from it. */
export const settings: SettingsTable = {
  bundle: {
    variable: 'AOVIS_AGENT_BUNDLE',
    flag: '--bundle <dir>',
    default: '/etc/aovis-agent/bundle',
    parse: directory,
    sentence: "Directory of this board's identity, as aovis-provision wrote it.",
  },
  state: {
    variable: 'AOVIS_AGENT_STATE',
    flag: '--state <dir>',
    default: '/var/lib/aovis-agent',
    parse: directory,
    sentence: 'Directory for what must survive a restart; made when missing.',
  },
  source: {
    variable: 'AOVIS_AGENT_SOURCE',
    flag: '--source <source>',
    default: 'clip',
    parse: parseSourceSpecification,
    sentence: `Where pictures come from: ${sourceForms}.`,
  },
  sound: {
    variable: 'AOVIS_AGENT_SOUND',
    flag: '--sound <sound>',
    default: 'none',
    parse: parseSoundSpecification,
    sentence: `Sound beside the pictures: ${soundForms}. It is sent as AAC, 32 kbit/s.`,
  },
  ffmpeg: {
    variable: 'AOVIS_AGENT_FFMPEG',
    flag: '--ffmpeg <program>',
    default: 'ffmpeg',
    parse: nonEmpty,
    sentence: 'The ffmpeg program, for sources that need it.',
  },
  rpicam: {
    variable: 'AOVIS_AGENT_RPICAM',
    flag: '--rpicam <program>',
    default: 'rpicam-vid',
    parse: nonEmpty,
    sentence: 'The program of the source rpicam; libcamera-vid on older systems.',
  },
  encoder: {
    variable: 'AOVIS_AGENT_ENCODER',
    flag: '--encoder <encoder>',
    default: 'libx264',
    parse: h264Encoder,
    sentence: `What ffmpeg encodes with, for testsrc and v4l2-raw: ${h264Encoders.join(', ')}.`,
  },
  videoBufferBytes: {
    variable: 'AOVIS_AGENT_VIDEO_BUFFER_MB',
    flag: '--video-buffer <megabytes>',
    default: '256',
    parse: megabytes,
    sentence:
      'How much of the state directory’s disk video may take that waits for a connection, in MB; 0 keeps it in memory alone.',
  },
  logLevel: {
    variable: 'AOVIS_AGENT_LOG_LEVEL',
    flag: '--log-level <level>',
    default: 'info',
    parse: logLevel,
    sentence: `Least important lines that are logged (${logLevels.join(', ')}), until the shadow says otherwise.`,
  },
  mqttDriver: {
    variable: 'AOVIS_AGENT_MQTT_DRIVER',
    flag: '--mqtt-driver <driver>',
    default: 'mqtt',
    parse: mqttDriver,
    sentence:
      'MQTT library: mqtt (on every architecture) or aws-crt (aws-iot-device-sdk-v2, to be installed beside the agent).',
  },
  keepAliveSeconds: {
    variable: 'AOVIS_AGENT_KEEP_ALIVE_SECONDS',
    flag: '--keep-alive <seconds>',
    default: '45',
    parse: keepAlive,
    sentence: 'MQTT keep-alive, 30 to 60 s: how soon a dead uplink is noticed, at the price of data volume.',
  },
  firmware: {
    variable: 'AOVIS_AGENT_FIRMWARE',
    flag: '--firmware <version>',
    default: 'unknown',
    parse: firmware,
    sentence: "Version of the board's own software, reported in the shadow.",
  },
  identifyCommand: {
    variable: 'AOVIS_AGENT_IDENTIFY_COMMAND',
    flag: '--identify-command <command>',
    default: 'none',
    parse: program,
    sentence:
      'Shows for AOVIS_DURATION_S seconds which board it is, e.g. by a light; without one the log does.',
  },
  claimLightCommand: {
    variable: 'AOVIS_AGENT_CLAIM_LIGHT_COMMAND',
    flag: '--claim-light-command <command>',
    default: 'none',
    parse: program,
    sentence:
      'Shows, e.g. by a light, whether the board can be claimed: AOVIS_CLAIMABLE is yes or no; without one log and status say so.',
  },
  rebootCommand: {
    variable: 'AOVIS_AGENT_REBOOT_COMMAND',
    flag: '--reboot-command <command>',
    default: 'none',
    parse: program,
    sentence:
      "Reboots the machine, e.g. systemctl reboot, if the agent's user may; without one it is not done.",
  },
  bootIdFile: {
    variable: 'AOVIS_AGENT_BOOT_ID_FILE',
    flag: '--boot-id-file <file>',
    default: '/proc/sys/kernel/random/boot_id',
    parse: file,
    sentence:
      'File whose text differs from one boot of the machine to the next: by it a reboot is known to be done. In a container, one that is written when the container starts.',
  },
  logsCommand: {
    variable: 'AOVIS_AGENT_LOGS_COMMAND',
    flag: '--logs-command <command>',
    default: 'none',
    parse: program,
    sentence:
      "Prints the agent's log, e.g. journalctl --unit aovis-agent --output cat; without one it is not uploaded.",
  },
  updateKey: {
    variable: 'AOVIS_AGENT_UPDATE_KEY',
    flag: '--update-key <file>',
    default: 'none',
    parse: optionalFile,
    sentence:
      "PEM file with the vendor's Ed25519 public key, which signs releases of the agent; without one it is not updated.",
  },
  clockCommand: {
    variable: 'AOVIS_AGENT_CLOCK_COMMAND',
    flag: '--clock-command <command>',
    default: 'date -u -s',
    parse: program,
    sentence:
      'What aovis-agent clock --set sets the clock with: gets @ and seconds since 1970 as its last word; none: it is not set.',
  },
  ptzCommand: {
    variable: 'AOVIS_AGENT_PTZ_COMMAND',
    flag: '--ptz-command <command>',
    default: 'none',
    parse: program,
    sentence: 'Moves the camera to AOVIS_PAN, AOVIS_TILT, AOVIS_ZOOM (-1 to 1); without one it is not done.',
  },
  liveViewLibrary: {
    variable: 'AOVIS_AGENT_LIVE_VIEW_LIBRARY',
    flag: '--live-view-library <library>',
    default: 'auto',
    parse: peerLibrary,
    sentence:
      'What speaks WebRTC: node-datachannel (native), werift (everywhere), or auto, the first that is there.',
  },
  liveViewAddress: {
    variable: 'AOVIS_AGENT_LIVE_VIEW_ADDRESS',
    flag: '--live-view-address <address>',
    default: 'all',
    parse: liveViewAddress,
    sentence: 'The IPv4 address from which viewers are served, or all of the machine.',
  },
  metricsPort: {
    variable: 'AOVIS_AGENT_METRICS_PORT',
    flag: '--metrics-port <port>',
    default: 'none',
    parse: metricsPort,
    sentence: 'Serves figures for Prometheus at http://127.0.0.1:PORT/metrics; none: it does not.',
  },
};

/** Where the package keeps them, as `VARIABLE=value`. */
export const settingsFile = '/etc/aovis-agent/agent.env';

/** For whoever misses what a setting would bring, e.g. `set AOVIS_AGENT_PTZ_COMMAND in /etc/…, and restart the agent`. */
export function howToSet(name: SettingName): string {
  return `set ${settings[name].variable} in ${settingsFile}, and restart the agent`;
}

export type SettingName = keyof AgentConfig;
export const settingNames = Object.keys(settings) as SettingName[];

export interface ConfigInput {
  env: NodeJS.ProcessEnv;
  /** Values from the command line, by setting. */
  flags: Partial<Record<SettingName, string>>;
}

/** The configuration; throws one `Refusal` that names every problem at once. */
export function loadConfig(input: ConfigInput): AgentConfig {
  const problems = unknownVariables(input.env);
  const read = <Name extends SettingName>(name: Name): AgentConfig[Name] | undefined => {
    const setting = settings[name];
    const flag = input.flags[name];
    const text = flag ?? input.env[setting.variable] ?? setting.default;
    try {
      return setting.parse(text);
    } catch (error) {
      const from = flag === undefined ? setting.variable : setting.flag.split(' ')[0];
      problems.push(`${from}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  const values: Partial<AgentConfig> = Object.fromEntries(settingNames.map((name) => [name, read(name)]));
  const { source, sound } = values;
  const refusal = source === undefined || sound === undefined ? undefined : refuseSound(source, sound);
  if (refusal !== undefined) problems.push(`${settings.sound.variable}: ${refusal}`);
  if (problems.length > 0) throw new Refusal('usage', problems.join('\n'));
  // Every parser above has answered: had one thrown, there would be a problem.
  return values as AgentConfig;
}

/** A mistyped setting must not be ignored in silence. */
function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = new Set<string>(settingNames.map((name) => settings[name].variable));
  return Object.keys(env)
    .filter((variable) => variable.startsWith('AOVIS_AGENT_') && !known.has(variable))
    .map((variable) => `${variable}: there is no such setting; known are ${[...known].join(', ')}.`);
}

function directory(text: string): string {
  if (text === '' || text.includes('\0')) throw new Error('name a directory.');
  return text;
}

function file(text: string): string {
  if (text === '' || text.includes('\0')) throw new Error('name a file.');
  return text;
}

function optionalFile(text: string): string | undefined {
  if (text === '' || text.includes('\0')) throw new Error('name a file, or none.');
  return text === 'none' ? undefined : text;
}

function nonEmpty(text: string): string {
  if (text === '') throw new Error('may not be empty.');
  return text;
}

/** Words between spaces; no shell looks at them. */
function program(text: string): Program | undefined {
  const [file, ...args] = text.trim().split(/\s+/);
  if (file === undefined || file === '') throw new Error('name a program, or none.');
  return file === 'none' ? undefined : [file, ...args];
}

function peerLibrary(text: string): PeerLibraryName {
  const name = peerLibraryNames.find((known) => known === text);
  if (name === undefined) throw new Error(`«${text}» is not known; use ${peerLibraryNames.join(', ')}.`);
  return name;
}

function liveViewAddress(text: string): string | undefined {
  if (text === 'all') return undefined;
  if (!isIPv4(text)) throw new Error(`«${text}» is no IPv4 address; use one of this machine, or all.`);
  return text;
}

function metricsPort(text: string): number | undefined {
  if (text === 'none') return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`«${text}» is no port; use a number from 1 to 65535, or none.`);
  return port;
}

function h264Encoder(text: string): H264Encoder {
  const encoder = h264Encoders.find((known) => known === text);
  if (encoder === undefined) throw new Error(`«${text}» is not known; use ${h264Encoders.join(', ')}.`);
  return encoder;
}

function logLevel(text: string): AgentConfig['logLevel'] {
  const level = logLevels.find((known) => known === text);
  if (level === undefined) throw new Error(`«${text}» is no level; use ${logLevels.join(', ')}.`);
  return level;
}

function mqttDriver(text: string): MqttDriver {
  const driver = mqttDrivers.find((known) => known === text);
  if (driver === undefined) throw new Error(`«${text}» is no driver; use ${mqttDrivers.join(' or ')}.`);
  return driver;
}

function keepAlive(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 30 || seconds > 60)
    throw new Error(`«${text}» does not do; use whole seconds from 30 to 60.`);
  return seconds;
}

const maxVideoBufferMb = 1_000_000;

function megabytes(text: string): number {
  const megabytes = Number(text);
  if (!/^\d+$/.test(text) || megabytes > maxVideoBufferMb)
    throw new Error(`«${text}» does not do; use whole megabytes from 0 to ${maxVideoBufferMb}.`);
  return megabytes * 1_000_000;
}

function firmware(text: string): string {
  if (!/^[\w.+-]{1,64}$/.test(text))
    throw new Error(`«${text}» does not do; use at most 64 letters, digits, dots, plus and hyphens.`);
  return text;
}
