import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { settings, settingsFile } from '../src/config.ts';
import type { PackagedFile } from './archive.ts';
import { type Architecture, deb } from './deb.ts';
import { packagedPage } from './packaged-page.ts';

const files = join(import.meta.dirname, 'files');
/** What sets the clock may do that and nothing else; the agent may do everything but that. */
const units = ['aovis-agent.service', 'aovis-agent-clock.service', 'aovis-agent-clock.path'];
export const packageName = 'aovis-agent';

export interface AgentPackageOptions {
  version: string;
  architecture: Architecture;
  /** What build.ts made. */
  dist: string;
  mtimeSeconds: number;
}

/** The agent as a Debian package: one program, its unit, its user, its settings. */
export async function agentPackage({ dist, ...options }: AgentPackageOptions): Promise<Buffer> {
  return deb({
    ...options,
    name: packageName,
    maintainer: 'AOVIS <firmware@aovis.example>',
    // 20.6: --env-file. 247: systemd-notify waits until it has been heard (ADR 0025).
    depends: ['nodejs (>= 20.6)', 'systemd (>= 247)'],
    recommends: ['ffmpeg'],
    description: [
      'companion of an AOVIS camera board',
      'Connects the board to the cloud with its own certificate, reports and obeys its',
      'device shadow, sends H.264 video, serves the live view and executes commands.',
    ],
    files: await packagedFiles(dist),
    configuration: [settingsFile],
    scripts: {
      postinst: await readFile(join(files, 'postinst')),
      prerm: await readFile(join(files, 'prerm')),
      postrm: await readFile(join(files, 'postrm')),
    },
  });
}

async function packagedFiles(dist: string): Promise<PackagedFile[]> {
  const file = async (path: string, source: string, mode = 0o644): Promise<PackagedFile> => ({
    path,
    content: await readFile(source),
    mode,
  });
  const documentation = '/usr/share/doc/aovis-agent';
  return [
    await file('/usr/lib/aovis-agent/aovis-agent.cjs', join(dist, 'aovis-agent.cjs'), 0o755),
    await file('/usr/lib/aovis-agent/clip.h264', join(dist, 'clip.h264')),
    await file('/usr/bin/aovis-agent', join(files, 'aovis-agent.sh'), 0o755),
    ...(await Promise.all(units.map((unit) => file(`/usr/lib/systemd/system/${unit}`, join(files, unit))))),
    await file('/usr/lib/sysusers.d/aovis-agent.conf', join(files, 'sysusers.conf')),
    // May hold the password of a camera: postinst gives it to the agent's group.
    { path: settingsFile, content: Buffer.from(renderSettings()), mode: 0o640 },
    await file(`${documentation}/copyright`, join(files, 'copyright')),
    await file(`${documentation}/third-party-licences.txt`, join(dist, 'third-party-licences.txt')),
    { path: `${documentation}/agent.md`, content: Buffer.from(await manual()), mode: 0o644 },
  ];
}

async function manual(): Promise<string> {
  const path = 'docs/agent.md';
  return packagedPage(await readFile(join(import.meta.dirname, '../..', path), 'utf8'), path);
}

/** What the package can do by itself. */
const packaged: Readonly<Record<string, string>> = {
  [settings.logsCommand.variable]: 'aovis-agent logs --lines 20000',
};

/** Every setting with its default, commented out but for what the package brings. */
function renderSettings(): string {
  const head =
    '# Settings of aovis-agent, for the service and for the command on the shell. After a change:\n' +
    '#   systemctl restart aovis-agent\n';
  const rows = Object.values(settings).map(({ variable, sentence, default: value }) => {
    const own = packaged[variable];
    return `\n# ${sentence}\n${own === undefined ? `#${variable}=${value}` : `${variable}=${own}`}\n`;
  });
  return head + rows.join('');
}
