/**
 * A board that does nothing but rotate its certificate, in a process of its own so that it can be killed: `rotating-board.ts <folder>
 * <port>`. Its parts are the agent's.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../../../host/clock.ts';
import { createLogger } from '../../../host/logger.ts';
import { loadBundle } from '../../../identity/bundle.ts';
import { openIdentities } from '../../../identity/bundle-identities.ts';
import { MqttConnection } from '../../../iot/mqtt-connection.ts';
import { openMqttJsLink } from '../../../iot/mqtt-js-link.ts';
import { watchAttempts } from '../../../iot/watched-link.ts';
import { JobRunner } from '../../job-runner.ts';
import { JobsClient } from '../../jobs-client.ts';
import { OutcomeFile } from '../../outcome-file.ts';
import { rotateCertificateJob } from '../rotate-certificate-job.ts';
import { Trial } from '../trial.ts';

const [folder = '', port = ''] = process.argv.slice(2);
const logger = createLogger({ level: 'silent' });
/** Time passes twenty times as fast: the board waits for answers no longer than a test may. */
const clock: typeof systemClock = {
  ...systemClock,
  after: (ms, fn) => systemClock.after(ms / 20, fn),
};
// The clock keeps no process alive, and between two attempts nothing else does.
setInterval(() => {}, 60_000);

const directory = join(folder, 'bundle');
const factory = await loadBundle(directory);
const identities = await openIdentities(directory, factory);
const { identity, store } = identities;
const bundle = identity.within(factory);
const { thing } = bundle;
const connection = new MqttConnection({
  clock,
  logger,
  random: () => 0.1,
  loadDriver: async () => watchAttempts(openMqttJsLink, () => identity.noteRefused()),
  get endpoint() {
    const { certificate, privateKey, rootCa } = bundle;
    const will = { topic: `aovis/${thing}/lwt`, payload: '{}' };
    const where = { host: 'localhost', port: Number(port), clientId: thing, keepAliveSeconds: 45 };
    return { ...where, certificate, privateKey, rootCa, will };
  },
});
connection.onConnected(() => process.stdout.write(`${bundle.certificateId}\n`));
const trial = new Trial({ identity, connection, renewCredentials: async () => {}, clock });
const jobs = new JobRunner({
  client: new JobsClient({ connection, clock, thing, newToken: randomUUID }),
  connection,
  clock,
  logger,
  random: () => 0.1,
  outcomes: new OutcomeFile(join(folder, 'jobs.json')),
  handlers: { 'rotate-certificate': rotateCertificateJob({ thing, store, identity, trial, clock, logger }) },
});
const { signal } = new AbortController();
await jobs.start(signal);
await connection.start(signal);
