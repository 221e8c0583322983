import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchEnvironment, nodeFlags } from '@aovis/device-agent/host/launch-line';
import { PutMediaServer } from '@aovis/device-agent/streaming/testing/put-media-server';
import { type Benchmark, type BenchmarkContext, type Figure, median } from './benchmark.ts';
import { boardNode, buildForBoards, streamWithWholeAgent } from './board-agent.ts';
import { makeClip, streamFile } from './clip.ts';
import { type Cost, canReadCosts, type MemoryCost } from './process-costs.ts';
import { runProgram } from './run-program.ts';
import { wholeAgentFigures } from './whole-agent-figures.ts';

/** The agent plays it again and again. */
const longClipSeconds = 62;

interface AgentCost extends Cost {
  lagMsP90: number;
  frames: number;
}

/** The streaming parts of the agent alone, bundled as the agent is, streaming the file in real time. */
async function streamWithAgent(program: string, clip: string, seconds: number): Promise<AgentCost> {
  const sink = new PutMediaServer();
  await sink.start();
  try {
    const run = ['--file', clip, '--endpoint', sink.url.href, '--seconds', String(seconds)];
    const { stdout } = await runProgram(boardNode, [...nodeFlags, program, ...run], {
      env: launchEnvironment,
    });
    return JSON.parse(stdout) as AgentCost;
  } finally {
    await sink.stop();
  }
}

/** `ffmpeg -re -c copy` of the same file to a sink that only counts. */
async function streamWithFfmpeg(clip: string, seconds: number): Promise<Cost> {
  const sink = createServer((request, response) => request.resume().on('end', () => response.end()));
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const address = sink.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    const copy = `-hide_banner -benchmark -re -r 30 -i ${clip} -t ${seconds} -c copy -f matroska -method POST`;
    // By way of a small program: what ffmpeg prints as its peak counts the process that it was copied from, too.
    const ffmpeg = ['-c', '"$@"; exit', 'sh', 'ffmpeg', ...copy.split(' '), `http://127.0.0.1:${port}/`];
    const { stderr } = await runProgram('sh', ffmpeg);
    const match = /utime=([\d.]+)s stime=([\d.]+)s rtime=[\d.]+s\s+bench: maxrss=(\d+)/.exec(stderr);
    if (match === null) throw new Error(`ffmpeg printed no costs:\n${stderr.slice(-500)}`);
    return { cpuSeconds: Number(match[1]) + Number(match[2]), peakRssMiB: Number(match[3]) / 1024 };
  } finally {
    sink.close();
  }
}

/** With `minutes` the whole agent alone, once and for so long. */
async function run({ minutes, ...context }: BenchmarkContext): Promise<Figure[]> {
  mkdirSync(context.directory, { recursive: true });
  return minutes === undefined ? compare(context) : watchWholeAgent(context, minutes * 60);
}

async function watchWholeAgent({ directory, log }: BenchmarkContext, seconds: number): Promise<Figure[]> {
  if (!canReadCosts) throw new Error('What a process costs is read from /proc: run this on Linux.');
  const clip = join(directory, '720p30.h264');
  await makeClip(clip, longClipSeconds);
  const program = await buildWholeAgent(directory);
  log(`the whole agent for ${seconds} s`);
  return wholeAgentFigures([await streamWithWholeAgent({ program, clip, seconds, directory })], seconds);
}

const buildWholeAgent = (directory: string): Promise<string> =>
  buildForBoards(fileURLToPath(import.meta.resolve('@aovis/device-agent/main')), directory);

async function compare({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  const seconds = short ? 5 : 60;
  const repetitions = short ? 1 : 3;
  const clip = join(directory, '720p30.h264');
  await makeClip(clip, seconds + 2);
  const partsAlone = await buildForBoards(streamFile, directory);
  const wholeAgent = await buildWholeAgent(directory);
  const agent: AgentCost[] = [];
  const ffmpeg: Cost[] = [];
  const whole: MemoryCost[] = [];
  for (let i = 0; i < repetitions; i++) {
    log(`run ${i + 1} of ${repetitions}: ${seconds} s each`);
    agent.push(await streamWithAgent(partsAlone, clip, seconds));
    ffmpeg.push(await streamWithFfmpeg(clip, seconds));
    if (canReadCosts)
      whole.push(await streamWithWholeAgent({ program: wholeAgent, clip, seconds, directory }));
  }
  const cpu = median(agent.map(({ cpuSeconds }) => cpuSeconds));
  const reference = median(ffmpeg.map(({ cpuSeconds }) => cpuSeconds));
  const rss = median(agent.map(({ peakRssMiB }) => peakRssMiB));
  const lag = median(agent.map(({ lagMsP90 }) => lagMsP90));
  return [
    {
      name: `CPU for ${seconds} s of 720p30, 2 Mb/s, streaming parts alone`,
      value: cpu,
      unit: 'CPU-s',
      against: { name: 'ffmpeg -re -c copy', value: reference },
      ratio: cpu / reference,
      bar: { text: '≤ 3 ×', met: cpu / reference <= 3 },
    },
    {
      name: 'peak memory, streaming parts alone',
      value: rss,
      unit: 'MiB',
      against: { name: 'ffmpeg -re -c copy', value: median(ffmpeg.map(({ peakRssMiB }) => peakRssMiB)) },
      bar: { text: '≤ 75 MiB', met: rss <= 75 },
    },
    {
      name: 'frame due → with the socket, p90',
      value: lag,
      unit: 'ms',
      bar: { text: '< 10 ms', met: lag < 10 },
    },
    ...wholeAgentFigures(whole, seconds),
  ];
}

export const streaming: Benchmark = {
  id: 'p6',
  what: 'the agent streams a file in real time, against ffmpeg copying the same file',
  needs: ['ffmpeg'],
  run,
};
