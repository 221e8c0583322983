/**
 * Runs after `npm ci`, on the host's Node. npm before 11.4 (Node 20 and 22 bring npm 10) ends an install by deleting the
 * commands of the packages that it left out as made for other platforms; one of them is called `node`, as is the
 * command of the package for this platform. So the link is made here where it is missing.
 */
import { existsSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const modules = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../node_modules');
const platform = `${process.platform}-${process.arch}`;
const name = [`node-${platform}`, `node-bin-${platform}`].find((each) =>
  existsSync(join(modules, each, 'bin/node')),
);
const link = join(modules, '.bin/node');

if (name === undefined) {
  process.stderr.write(
    `There is no pinned Node for ${platform}: npm scripts use the host's, which must be Node 24.\n`,
  );
} else if (!existsSync(link)) {
  rmSync(link, { force: true });
  symlinkSync(join('..', name, 'bin/node'), link);
}
