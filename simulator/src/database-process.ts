import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureDatabase } from '@aovis/dev-database/databases';
import { startDatabaseServer } from '@aovis/dev-database/server';

/**
 * The local system's PostgreSQL as a program of its own, so that it ends with the simulator in whatever way that ends.
 * Writes the database's address, password included, to a file of mode 0600 and says `database ready`.
 */
const { values } = parseArgs({
  options: { 'data-directory': { type: 'string' }, 'url-file': { type: 'string' }, port: { type: 'string' } },
});
const dataDirectory = values['data-directory'];
const urlFile = values['url-file'];
if (dataDirectory === undefined || urlFile === undefined)
  throw new Error('Give --data-directory and --url-file.');

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const server = await startDatabaseServer({
  dataDirectory,
  log: say,
  ...(values.port === undefined ? {} : { port: Number(values.port) }),
});
// The server is a child that this process does not wait for, so something else must keep it up.
const stayUp = setInterval(() => {}, 2 ** 30);
const stop = (): void => {
  clearInterval(stayUp);
  void server.stop().then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

const url = server.urlOf('aovis');
await ensureDatabase(url);
writeFileSync(`${urlFile}.part`, url, { mode: 0o600 });
chmodSync(`${urlFile}.part`, 0o600);
renameSync(`${urlFile}.part`, urlFile);
say('database ready');
