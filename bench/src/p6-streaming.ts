import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchEnvironment, nodeFlags } from '@aovis/device-agent/host/launch-line';
import { PutMediaServer } from '@aovis/device-agent/streaming/testing/put-media-server';
import { type Benchmark, type BenchmarkContext, type Figure, median } from './benchmark.ts';
import { boardNode, buildForBoards, type Cost, canReadCosts, streamWithWholeAgent } from './board-agent.ts';
import { makeClip, streamFile } from './clip.ts';
import { runProgram } from './run-program.ts';

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
    const { stderr } = await runProgram('ffmpeg', [...copy.split(' '), `http://127.0.0.1:${port}/`]);
    const match = /utime=([\d.]+)s stime=([\d.]+)s rtime=[\d.]+s\s+bench: maxrss=(\d+)/.exec(stderr);
    if (match === null) throw new Error(`ffmpeg printed no costs:\n${stderr.slice(-500)}`);
    return { cpuSeconds: Number(match[1]) + Number(match[2]), peakRssMiB: Number(match[3]) / 1024 };
  } finally {
    sink.close();
  }
}

async function run({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  const seconds = short ? 5 : 60;
  const repetitions = short ? 1 : 3;
  mkdirSync(directory, { recursive: true });
  const clip = join(directory, '720p30.h264');
  await makeClip(clip, seconds + 2);
  const partsAlone = await buildForBoards(streamFile, directory);
  const wholeAgent = await buildForBoards(
    fileURLToPath(import.meta.resolve('@aovis/device-agent/main')),
    directory,
  );
  const agent: AgentCost[] = [];
  const ffmpeg: Cost[] = [];
  const whole: Cost[] = [];
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
    ...figuresOf(whole, seconds),
  ];
}

/** What the whole agent costs from its start on, with its connection, shadow and credentials. */
function figuresOf(whole: readonly Cost[], seconds: number): Figure[] {
  if (whole.length === 0) return [];
  const rss = median(whole.map(({ peakRssMiB }) => peakRssMiB));
  return [
    {
      name: `CPU for start and ${seconds} s of streaming, whole agent, all by TLS`,
      value: median(whole.map(({ cpuSeconds }) => cpuSeconds)),
      unit: 'CPU-s',
    },
    {
      name: 'peak memory, whole agent, all by TLS',
      value: rss,
      unit: 'MiB',
      bar: { text: '≤ 75 MiB', met: rss <= 75 },
    },
  ];
}

export const streaming: Benchmark = {
  id: 'p6',
  what: 'the agent streams a file in real time, against ffmpeg copying the same file',
  needs: ['ffmpeg'],
  run,
};
