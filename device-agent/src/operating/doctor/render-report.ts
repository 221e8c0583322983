import type { DoctorReport, StepName, StepResult } from './examination.ts';

const questions: Record<StepName, string> = {
  files: 'files and modes',
  key: 'key and certificate',
  chain: 'certificate chain',
  clock: 'clock',
  dns: 'names',
  tcp: 'TCP',
  tls: 'TLS',
  mqtt: 'MQTT',
  credentials: 'credentials',
  putmedia: 'PutMedia',
};
const marks: Record<StepResult['result'], string> = { ok: 'ok', failed: 'FAILED', not_reached: '-' };

/** A line for each step, then what to do. */
export function renderReport({ ok, steps }: DoctorReport): string {
  const lines = steps.map(({ name, result, detail = '' }) => {
    const text = result === 'not_reached' ? 'not reached' : detail;
    return `${marks[result].padEnd(8)}${questions[name].padEnd(21)}${text}`;
  });
  const last = ok
    ? 'Everything between this board and the cloud is in order.'
    : 'Mend what failed, then run the doctor again.';
  return [...lines, '', last].join('\n');
}
