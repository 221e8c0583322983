import type { RunningConfig } from '@aovis/contracts/shadow';
import { type SourceSpecification, sourceName } from '../camera/source-specification.ts';
import type { RefuseSetting } from './desired-config.ts';

/** What a board runs with until it is told otherwise: 720p at a rate that a 4G uplink carries. */
export function defaultConfig(logLevel: RunningConfig['log_level']): RunningConfig {
  return {
    stream: { enabled: true, mode: 'continuous', adaptive: false },
    camera: {
      width: 1280,
      height: 720,
      fps: 15,
      bitrate_bps: 1_000_000,
      gop_s: 2,
      rotation: 0,
      night_mode: 'auto',
    },
    telemetry: { interval_s: 60 },
    log_level: logLevel,
  };
}

/** Sources whose pictures the agent has encoded itself, and so can have encoded otherwise. */
const encodedHere: ReadonlySet<SourceSpecification['kind']> = new Set(['testsrc', 'v4l2-raw', 'rpicam']);
/** What can be asked of a camera that encodes itself. */
const ofAnyCamera = /^camera\.(width|height|fps)$/;

/** Refuses what this board's camera cannot do: a setting that is echoed as running must be running. */
export function refuseBeyondCamera(source: SourceSpecification): RefuseSetting {
  return (key, value) => {
    if (key === 'camera.rotation' && value !== 0) return 'this camera cannot turn its picture';
    if (key === 'camera.night_mode' && value !== 'auto') return 'this camera has no switch for night mode';
    const wantsEncoder =
      /^camera\.(width|height|fps|bitrate_bps|gop_s)$/.test(key) ||
      (key === 'stream.adaptive' && value === true);
    if (!wantsEncoder || encodedHere.has(source.kind)) return undefined;
    if (source.kind !== 'v4l2') return `the pictures of ${sourceName(source)} come encoded as they are`;
    return ofAnyCamera.test(key)
      ? undefined
      : 'this camera encodes by itself: set it on the board, with v4l2-ctl';
  };
}
