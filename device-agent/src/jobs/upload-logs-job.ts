import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Program } from '../commands/run-program.ts';
import { redact } from '../host/redact.ts';
import {
  failed,
  type JobContext,
  JobEnded,
  type JobHandler,
  type JobOutcome,
  jobHandler,
  succeeded,
} from './job-handler.ts';
import { lastOutput } from './last-output.ts';
import { TransferError, transfer } from './transfer.ts';

export interface UploadLogsJobOptions {
  /** Prints the agent's log. */
  program: Program;
}

const compressed = promisify(gzip);
const printWithinMs = 60_000;
const idleMs = 60_000;
/** The service ends the job when a board does not get it done. */
const stepTimeoutMinutes = 30;

/** Sends the latest of the agent's log, without secrets, to where the job says. Sending it twice does no harm. */
export function uploadLogsJob({ program }: UploadLogsJobOptions): JobHandler {
  return jobHandler('upload-logs', async ({ url, max_bytes: maxBytes }, context) => {
    await context.progress({ step: 'uploading' }, { stepTimeoutMinutes });
    const printed = await lastOutput(program, { maxBytes, timeoutMs: printWithinMs, signal: context.signal });
    if (context.signal.aborted) throw new JobEnded(undefined);
    if (typeof printed === 'string') return failed('program_failed', `The program ${program[0]} ${printed}.`);
    const text = redact(wholeLines(printed));
    return upload(url, await compressed(text), context);
  });
}

/** From the first whole line on: half of one may be half of a secret that is not known by its looks any more. */
function wholeLines({ bytes, truncated }: { bytes: Buffer; truncated: boolean }): string {
  const text = bytes.toString('utf8');
  return truncated ? text.slice(text.indexOf('\n') + 1) : text;
}

async function upload(url: string, body: Buffer, { signal }: JobContext): Promise<JobOutcome> {
  const { host } = new URL(url);
  const headers = { 'content-type': 'application/gzip', 'content-length': String(body.length) };
  try {
    const response = await transfer(url, { method: 'PUT', headers, body, signal, idleMs });
    response.destroy();
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return succeeded({ bytes: String(body.length) });
    return failed(
      'upload_refused',
      `${host} answered ${statusCode}: make a new URL (PUT, content-type application/gzip) and a new job.`,
    );
  } catch (error) {
    if (signal.aborted) throw new JobEnded(undefined);
    if (!(error instanceof TransferError)) throw error;
    return failed('upload_failed', `${host} cannot be reached (${error.message}).`);
  }
}
