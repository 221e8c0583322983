/** Set by build.ts for the bundled agent; an agent that runs from its sources has no build. */
declare const AOVIS_AGENT_BUILD: { version: string; builtAt: string } | undefined;

export interface BuildInfo {
  version: string;
  /** Milliseconds since the epoch: no true clock is earlier. */
  builtAt: number;
  bundled: boolean;
}

/** When the first board was made: the floor of every clock for an agent that runs from its sources. */
const firstBoard = Date.UTC(2026, 0, 1);

export const buildInfo: BuildInfo =
  typeof AOVIS_AGENT_BUILD === 'undefined'
    ? { version: '0.1.0-source', builtAt: firstBoard, bundled: false }
    : {
        version: AOVIS_AGENT_BUILD.version,
        builtAt: Date.parse(AOVIS_AGENT_BUILD.builtAt),
        bundled: true,
      };
