#!/usr/bin/env node
// The sources are TypeScript that Node runs as it is; older Node needs the bundle.
if (process.features.typescript) {
  await import('../src/main.ts');
} else {
  process.stderr.write(
    `error: Node ${process.versions.node} cannot run TypeScript; use Node 24, or the bundled aovis-provision.\n`,
  );
  process.exitCode = 2;
}
