import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchEnvironment, nodeFlags } from '@aovis/device-agent/host/launch-line';
import { answerShadowRequests } from '@aovis/device-agent/iot/testing/answer-shadow-requests';
import { TestBroker } from '@aovis/device-agent/iot/testing/test-broker';
import { PutMediaServer } from '@aovis/device-agent/streaming/testing/put-media-server';
import { writeBundle } from '@aovis/device-agent/testing/test-bundle';
import { type Issued, TestCa } from '@aovis/device-agent/testing/test-pki';
import { type MemoryCost, watchCosts } from './process-costs.ts';
import { runProgram } from './run-program.ts';

/** Boards may have another Node than the one that runs this. */
export const boardNode = process.env['AOVIS_BOARD_NODE'] ?? process.execPath;
/** For a program that runs as the agent does. */
export const boardEnvironment = { ...process.env, ...launchEnvironment };

/** Bundles a program of the agent's as the agent is bundled for boards; answers where it is. */
export async function buildForBoards(entry: string, directory: string): Promise<string> {
  const build = fileURLToPath(new URL('../build.ts', import.meta.resolve('@aovis/device-agent/main')));
  const isAgent = basename(entry) === 'main.ts';
  await runProgram(process.execPath, [build, directory, ...(isAgent ? [] : [entry])]);
  return join(directory, isAgent ? 'aovis-agent.cjs' : basename(entry).replace(/\.ts$/, '.cjs'));
}

export interface WholeAgentRun {
  program: string;
  clip: string;
  seconds: number;
  directory: string;
}

/** The agent as a board runs it: MQTT, credentials and PutMedia, all by TLS. Costs count from its first instruction. */
export async function streamWithWholeAgent({
  program,
  clip,
  seconds,
  directory,
}: WholeAgentRun): Promise<MemoryCost> {
  const ca = await TestCa.create();
  const identity = await ca.issueServer();
  const broker = await TestBroker.start(ca, identity);
  answerShadowRequests(broker);
  const credentials = await startCredentials(identity);
  const sink = new PutMediaServer({ key: identity.privateKey, cert: identity.certificate });
  await sink.start();
  const bundle = join(directory, 'bundle');
  await writeBundle(bundle, ca, {
    iot: `localhost:${broker.port}`,
    credentials: `localhost:${(credentials.address() as AddressInfo).port}`,
    kinesis_video: sink.url.href,
  });
  const run = [
    'run',
    '--bundle',
    bundle,
    '--state',
    join(directory, 'state'),
    '--source',
    `file:${clip}`,
    '--log-level',
    'warn',
  ];
  const agent = spawn(boardNode, [...nodeFlags, program, ...run], {
    env: boardEnvironment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(agent, 'exit');
  try {
    await Promise.race([sink.until(() => sink.persisted.length > 0), exited.then(refuseEarlyExit)]);
    return await Promise.race([watchCosts(agent.pid as number, seconds), exited.then(refuseEarlyExit)]);
  } finally {
    agent.kill('SIGTERM');
    await exited;
    await sink.stop();
    await broker.kill();
    credentials.closeAllConnections();
    credentials.close();
  }
}

function refuseEarlyExit(): never {
  throw new Error('The agent ended before its time; its log is above.');
}

async function startCredentials({ certificate, privateKey }: Issued): Promise<Server> {
  const server = createServer({ cert: certificate, key: privateKey }, (_request, response) => {
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    const credentials = {
      accessKeyId: 'benchmark',
      secretAccessKey: 'benchmark',
      sessionToken: 'benchmark',
      expiration,
    };
    response.end(JSON.stringify({ credentials }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
