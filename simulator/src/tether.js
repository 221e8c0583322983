/**
 * Preloaded (`node --import`) into every program the simulator starts, in plain JavaScript so that Node 20 takes it too.
 * The channel to the simulator breaks when the simulator ends in any way, kill -9 included; then this process ends as
 * well, so nothing is left running.
 */
const graceMs = 5_000;

if (process.channel) {
  process.channel.unref();
  process.once('disconnect', () => {
    setTimeout(() => process.exit(1), graceMs).unref();
    process.kill(process.pid, 'SIGTERM');
  });
}
