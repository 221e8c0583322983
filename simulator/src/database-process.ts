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

async function run(dataDirectory: string, urlFile: string, port: number | undefined): Promise<void> {
  const server = await startDatabaseServer({
    dataDirectory,
    log: say,
    ...(port === undefined ? {} : { port }),
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
  try {
    await ensureDatabase(url);
  } catch (error) {
    await server.stop();
    throw error;
  }
  writeFileSync(`${urlFile}.part`, url, { mode: 0o600 });
  chmodSync(`${urlFile}.part`, 0o600);
  renameSync(`${urlFile}.part`, urlFile);
  say('database ready');
}

try {
  await run(dataDirectory, urlFile, values.port === undefined ? undefined : Number(values.port));
} catch (error) {
  // The simulator shows the last lines: the sentence, not where in the code it was made.
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`, () => process.exit(1));
}
