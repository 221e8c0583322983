import type { Clock } from '../clock.ts';
import type { Terminal } from './terminal.ts';

export interface Progress {
  /** One more board is finished. */
  step(): void;
  stop(): void;
}

const lineEveryMs = 10_000;

/** A bar with rate and remaining time on a TTY; elsewhere a line now and then. */
export async function startProgress(terminal: Terminal, clock: Clock, total: number): Promise<Progress> {
  if (total === 0) return { step: () => undefined, stop: () => undefined };
  return terminal.animated ? await startBar(terminal, clock, total) : startLines(terminal, clock, total);
}

/** `3 m 20 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours > 0) return `${hours} h ${minutes} m`;
  return minutes > 0 ? `${minutes} m ${whole % 60} s` : `${whole} s`;
}

function rateOf(done: number, startedAt: number, clock: Clock): number {
  return done / Math.max(0.001, (clock.now() - startedAt) / 1000);
}

async function startBar(terminal: Terminal, clock: Clock, total: number): Promise<Progress> {
  // A CommonJS package: once bundled, what it exports is under `default` only.
  const { default: cliProgress } = await import('cli-progress');
  const { SingleBar, Presets } = cliProgress;
  const startedAt = clock.now();
  let done = 0;
  const payload = () => {
    const rate = rateOf(done, startedAt, clock);
    return { rate: rate.toFixed(1), left: done === 0 ? '?' : formatDuration((total - done) / rate) };
  };
  const bar = new SingleBar(
    {
      stream: terminal.stderr as NodeJS.WritableStream,
      // The bar last: on a narrow terminal it is what is cut off.
      format: '{value}/{total} boards, {rate}/s, {left} left {bar}',
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, payload());
  return {
    step: () => bar.update(++done, payload()),
    stop: () => bar.stop(),
  };
}

function startLines(terminal: Terminal, clock: Clock, total: number): Progress {
  const startedAt = clock.now();
  let saidAt = startedAt;
  let done = 0;
  return {
    step: () => {
      done += 1;
      if (clock.now() - saidAt < lineEveryMs) return;
      saidAt = clock.now();
      const rate = rateOf(done, startedAt, clock);
      terminal.say(
        `${done} of ${total} boards, ${rate.toFixed(1)}/s, ${formatDuration((total - done) / rate)} left`,
      );
    },
    stop: () => undefined,
  };
}
