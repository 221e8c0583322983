#!/usr/bin/env node
// The sources are TypeScript, which Node 24 runs as it is. An older Node hands over to the one that npm installed
// beside this package; npx and npm scripts take that one from the start.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

function findInstalledNode() {
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    const node = join(folder, 'node_modules', '.bin', 'node');
    if (existsSync(node)) return node;
  }
  return undefined;
}

function handOver(node) {
  const child = spawn(node, [join(here, '..', 'src', 'main.ts'), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // Ctrl-C reaches the child by itself, and a second one would end it at once.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

if (process.features.typescript) {
  await import('../src/main.ts');
} else {
  const node = findInstalledNode();
  // The pinned Node may be absent on this platform, or be this very one.
  if (node !== undefined && realpathSync(node) !== realpathSync(process.execPath)) handOver(node);
  else {
    process.stderr.write(`error: Node ${process.versions.node} cannot run TypeScript; install Node 24.\n`);
    process.exitCode = 2;
  }
}
