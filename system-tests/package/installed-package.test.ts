import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type AgentStatus, agentStatusSchema } from '@aovis/device-agent/status/agent-status';
import { waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { FakedClock } from '../support/faked-clock.ts';
import { RunningSystem } from '../support/running-system.ts';
import { Machine } from './machine.ts';

const run = promisify(execFile);
const packaging = join(import.meta.dirname, '../../device-agent/packaging');
const unit = 'aovis-agent.service';
const clockUnit = 'aovis-agent-clock.service';
const bundle = '/etc/aovis-agent/bundle';

jest.setTimeout(120_000);

/** One life of the package on one machine: each test goes on where the one before it ended. */
describe('the Debian package of the agent', () => {
  let running: RunningSystem;
  let machine: Machine;
  let packages: string;

  beforeAll(async () => {
    packages = mkdtempSync(join(tmpdir(), 'aovis-packages-'));
    await run(process.execPath, [join(packaging, 'build-deb.ts'), packages]);
    running = await RunningSystem.start({ boards: 1 });
    machine = await Machine.boot();
  });

  afterAll(async () => {
    await machine?.stop();
    await running?.stop();
    rmSync(packages, { recursive: true, force: true });
  });

  const property = async (name: string): Promise<string> =>
    (await machine.run('systemctl', 'show', '--value', '--property', name, unit)).trim();

  async function untilStreaming(): Promise<AgentStatus> {
    return waitFor('the agent streams', async () => {
      const status = agentStatusSchema.parse(
        JSON.parse(await machine.run('aovis-agent', 'status', '--json')),
      );
      if (status.connection.state !== 'connected' || status.stream.state !== 'streaming')
        throw new Error(JSON.stringify(status));
      return status;
    });
  }

  it('is the same bytes whenever it is made', async () => {
    const again = mkdtempSync(join(tmpdir(), 'aovis-packages-'));
    await run(process.execPath, [join(packaging, 'build-deb.ts'), again]);
    const names = readdirSync(packages).sort();
    expect(names.map((name) => name.replace(/_[\d.]+_/, '_'))).toEqual([
      'aovis-agent_amd64.deb',
      'aovis-agent_arm64.deb',
      'aovis-agent_armhf.deb',
    ]);
    for (const name of names)
      expect(readFileSync(join(again, name)).equals(readFileSync(join(packages, name)))).toBe(true);
    rmSync(again, { recursive: true });
  });

  it('is installed, and waits for the identity of the board', async () => {
    const architecture = (await machine.run('dpkg', '--print-architecture')).trim();
    const name = readdirSync(packages).find((file) => file.endsWith(`_${architecture}.deb`)) ?? '';
    await machine.write('/var/tmp/agent.deb', readFileSync(join(packages, name)));
    const { code, stderr } = await machine.try('dpkg', '--install', '/var/tmp/agent.deb');
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(`to ${bundle}`) });
    expect((await machine.run('systemctl', 'is-enabled', unit)).trim()).toBe('enabled');
    expect(await property('ActiveState')).toBe('inactive');
    expect(await machine.run('aovis-agent', '--version')).toMatch(/^\d+\.\d+\.\d+$/m);
    expect(await machine.run('stat', '--format=%U %a', bundle)).toBe('aovis-agent 700\n');
    expect(await machine.run('stat', '--format=%G %a', '/etc/aovis-agent/agent.env')).toBe(
      'aovis-agent 640\n',
    );
    expect(await machine.try('aovis-agent', 'doctor')).toMatchObject({
      code: 20,
      stdout: expect.stringContaining(`The bundle lacks ${bundle}/device.json`),
    });
  });

  it('runs as a service that says when it is ready, connects and streams', async () => {
    const { bundle: made } = running.provisionedBoard(0);
    for (const name of readdirSync(made)) {
      await machine.write(`${bundle}/${name}`, readFileSync(join(made, name)));
      await machine.run('chmod', '600', `${bundle}/${name}`);
    }
    await machine.run('chown', '--recursive', 'aovis-agent:aovis-agent', bundle);
    // Returns once the agent has said READY=1.
    await machine.run('systemctl', 'start', unit);
    expect(await property('StatusText')).toMatch(/^cloud /);
    const status = await untilStreaming();
    expect(Number(await property('MainPID'))).toBe(status.pid);
    expect(await machine.run('stat', '--format=%U', `/proc/${status.pid}`)).toBe('aovis-agent\n');
    expect(status.parts).toContainEqual({
      name: 'service',
      ok: true,
      detail: 'systemd is told how the agent is',
    });
  });

  it('may write its state and its identity, and nothing else', async () => {
    const inside = [
      'nsenter',
      '--target',
      await property('MainPID'),
      '--mount',
      '--root',
      '--wd',
      '--',
    ] as const;
    const rights = ['setpriv', '--reuid', 'aovis-agent', '--regid', 'aovis-agent', '--init-groups', '--'];
    const writable = async (path: string): Promise<boolean> =>
      (await machine.try(...inside, ...rights, 'test', '-w', path)).code === 0;
    for (const path of ['/var/lib/aovis-agent', bundle, '/tmp'])
      expect([path, await writable(path)]).toEqual([path, true]);
    for (const path of [
      '/etc/aovis-agent',
      '/etc/aovis-agent/agent.env',
      '/usr/lib/aovis-agent',
      '/var/lib',
      '/home',
    ])
      expect([path, await writable(path)]).toEqual([path, false]);
  });

  it('is looked at by the doctor as the user it runs as', async () => {
    const { code, stdout } = await machine.try('runuser', '-u', 'aovis-agent', '--', 'aovis-agent', 'doctor');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('is in order') });
  });

  it('logs to the journal, with priorities', async () => {
    const text = await machine.run('journalctl', '--unit', unit, '--output', 'json', '--priority', 'info');
    const records = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    const runs = records.find(({ MESSAGE }) => MESSAGE?.includes('The agent runs.'));
    expect(runs).toMatchObject({ PRIORITY: '6', MESSAGE: expect.stringMatching(/^\{"level":"info"/) });
    expect(await machine.run('aovis-agent', 'logs', '--lines', '50')).toMatch(
      / INFO {2}The agent runs\. version=/m,
    );
    expect((await machine.try('ls', '/var/lib/aovis-agent/log')).code).not.toBe(0);
  });

  it('reads its own log, for the job upload-logs', async () => {
    const settings = await machine.run('cat', '/etc/aovis-agent/agent.env');
    const [, command = ''] = /^AOVIS_AGENT_LOGS_COMMAND=(.+)$/m.exec(settings) ?? [];
    const { pid } = await untilStreaming();
    // With the rights of the process that would begin it.
    const groups = /^Groups:\t(.*?) ?$/m.exec(await machine.run('cat', `/proc/${pid}/status`))?.[1] ?? '';
    const [uid, gid] = ['-u', '-g'].map((flag) => machine.run('id', flag, 'aovis-agent'));
    const as = ['--reuid', (await uid)?.trim() ?? '', '--regid', (await gid)?.trim() ?? ''];
    const rights = [...as, '--groups', groups.replaceAll(' ', ','), '--no-new-privs', '--'];
    expect(await machine.run('setpriv', ...rights, ...command.split(' '))).toContain('The agent runs.');
  });

  it('takes its settings from agent.env, and serves figures when told to', async () => {
    const port = await freePort();
    const settings = await machine.run('cat', '/etc/aovis-agent/agent.env');
    await machine.write(
      '/etc/aovis-agent/agent.env',
      Buffer.from(settings.replace('#AOVIS_AGENT_METRICS_PORT=none', `AOVIS_AGENT_METRICS_PORT=${port}`)),
    );
    await machine.run('systemctl', 'restart', unit);
    await untilStreaming();
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(await answer.text()).toMatch(/^aovis_agent_connected 1$/m);
  });

  it('is started anew when it hangs', async () => {
    const dropIn = `/etc/systemd/system/${unit}.d/test.conf`;
    await machine.write(dropIn, Buffer.from('[Service]\nWatchdogSec=3\nTimeoutAbortSec=1\nRestartSec=0\n'));
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'restart', unit);
    const { pid } = await untilStreaming();
    const fed = await property('WatchdogTimestampMonotonic');
    await waitFor(
      'the watchdog is fed',
      async () => (await property('WatchdogTimestampMonotonic')) !== fed || undefined,
    );
    await machine.run('kill', '-STOP', String(pid));
    await waitFor('the watchdog', async () => (await property('NRestarts')) === '1' || undefined);
    expect((await untilStreaming()).pid).not.toBe(pid);
    expect(await machine.run('journalctl', '--unit', unit, '--output', 'cat')).toContain('Watchdog timeout');
    await machine.run('rm', '-r', `/etc/systemd/system/${unit}.d`);
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'restart', unit);
  });

  it('is reset while it runs, and starts again by itself', async () => {
    const { pid } = await untilStreaming();
    expect((await machine.try('aovis-agent', 'reset', '--yes')).code).toBe(15);
    await machine.run('aovis-agent', 'reset', '--yes', '--stop-agent');
    const after = await waitFor('the agent is back', async () => {
      const status = await untilStreaming();
      return status.pid === pid ? undefined : status;
    });
    expect(after.binding.claimable).toBe(true);
  });

  it('sets a clock that cannot be right before it starts, and one that is turned while it runs', async () => {
    const state = '/var/lib/aovis-agent';
    const offset = `${state}/board-clock`;
    // The clock of these services alone: the machine's is that of the machine it is a copy of.
    const clock = new FakedClock(running.system.folder.root).environment;
    const environment = Object.entries({ ...clock, FAKETIME_TIMESTAMP_FILE: offset });
    const lines = environment.map(([name, value]) => `Environment=${name}=${value}\n`).join('');
    for (const service of [unit, clockUnit])
      await machine.write(
        `/etc/systemd/system/${service}.d/test.conf`,
        Buffer.from(`[Service]\n${lines}ReadWritePaths=${state}\n`),
      );
    // What it may do: its capabilities, and what the kernel says to a time that there is not.
    const program = '/usr/local/bin/set-board-clock';
    const refused = 'except OSError as error: print(error.errno)';
    const python = `import time\ntry: time.clock_settime(time.CLOCK_REALTIME, -1)\n${refused}`;
    // Once in vain, as where the uplink is not there yet.
    const inVain = `[ -e ${state}/tried ] || { : >${state}/tried; exit 1; }`;
    const script = `#!/bin/sh\n${inVain}\n{ grep ^CapEff /proc/self/status; python3 -c '${python}'; } >${state}/rights\necho +0 >${offset}\n`;
    await machine.write(program, Buffer.from(script));
    await machine.run('chmod', '755', program);
    const settings = await machine.run('cat', '/etc/aovis-agent/agent.env');
    await machine.write(
      '/etc/aovis-agent/agent.env',
      Buffer.from(
        settings.replace(/^#?AOVIS_AGENT_CLOCK_COMMAND=.*$/m, `AOVIS_AGENT_CLOCK_COMMAND=${program}`),
      ),
    );
    const turn = async (): Promise<void> => {
      await machine.write(offset, Buffer.from('-365d\n'));
      await machine.run('chown', 'aovis-agent:', offset);
    };
    const timesSet = async (): Promise<number> =>
      (await machine.run('journalctl', '--unit', clockUnit, '--output', 'cat')).split(
        'The clock was set from',
      ).length - 1;

    await turn();
    await machine.run('systemctl', 'daemon-reload');
    // The agent refuses to start; systemd starts it again, and what sets the clock before it.
    expect((await machine.try('systemctl', 'restart', unit)).code).not.toBe(0);
    const { pid } = await untilStreaming();
    expect(await machine.run('journalctl', '--unit', clockUnit, '--output', 'cat')).toContain(
      'The clock cannot be set',
    );
    expect(await machine.run('journalctl', '--unit', unit, '--output', 'cat')).toContain(
      '365 d behind. Set it: sudo',
    );
    expect(await timesSet()).toBe(1);
    // CAP_SYS_TIME and no other; EINVAL, not EPERM.
    expect(await machine.run('cat', `${state}/rights`)).toBe('CapEff:\t0000000002000000\n22\n');

    await turn();
    await waitFor('the clock is set while the agent runs', async () => (await timesSet()) === 2 || undefined);
    const status = await waitFor('the agent finds it right', async () => {
      const found = await untilStreaming();
      return found.parts.some(({ name, ok }) => name === 'clock' && ok) ? found : undefined;
    });
    expect(status.pid).toBe(pid);
    for (const service of [unit, clockUnit])
      await machine.run('rm', '-r', `/etc/systemd/system/${service}.d`);
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'restart', unit);
    await untilStreaming();
  });

  it('exposes as little as its unit says', async () => {
    const path = `/usr/lib/systemd/system/${unit}`;
    await machine.run('systemd-analyze', 'verify', '--man=no', path);
    // Tenths of the figure in docs/agent.md.
    await machine.run('systemd-analyze', 'security', '--offline=true', '--threshold=17', '--no-pager', path);
    // What sets the clock has its one right more.
    const clockPath = `/usr/lib/systemd/system/${clockUnit}`;
    await machine.run('systemd-analyze', 'verify', '--man=no', clockPath);
    await machine.run(
      'systemd-analyze',
      'security',
      '--offline=true',
      '--threshold=19',
      '--no-pager',
      clockPath,
    );
  });

  it('leaves nothing but the identity of the board when it is purged', async () => {
    const { code, stderr } = await machine.try('dpkg', '--purge', 'aovis-agent');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('identity of this board stays'),
    });
    const left = await machine.run('find', '/usr', '/etc', '/var/lib', '-path', '*aovis-agent*');
    expect(left.trim().split('\n').sort()).toEqual([
      '/etc/aovis-agent',
      bundle,
      ...['device.crt', 'device.json', 'device.key', 'root-ca.pem'].map((name) => `${bundle}/${name}`),
    ]);
    expect((await machine.try('systemctl', 'cat', unit)).code).not.toBe(0);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
