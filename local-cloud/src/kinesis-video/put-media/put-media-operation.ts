import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AwsError } from '../../kernel/aws-error.ts';
import type { AwsOperation } from '../../kernel/aws-server.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Faults } from '../../kernel/faults.ts';
import { parseInput, type StreamAccess, type StreamRef, streamNameSchema } from '../api.ts';
import { invalidArgument } from '../errors.ts';
import type { Quotas } from '../quotas.ts';
import type { State } from '../state.ts';
import type { Connections } from './connections.ts';
import { PutMediaSession, type SessionLimits } from './put-media-session.ts';
import { SessionFaults } from './session-faults.ts';

export interface PutMediaContext {
  state: State;
  access: StreamAccess;
  quotas: Quotas;
  connections: Connections;
  limits: SessionLimits;
  clock: Clock;
  faults: Faults;
  log: Logger;
}

interface PutMediaHeaders extends StreamRef {
  relativeToMs: number | undefined;
  acksWanted: boolean;
}

/** `POST /putMedia` (Kinesis Video Streams API Reference, "PutMedia"). */
export function putMediaOperation(context: PutMediaContext): AwsOperation {
  const { state, access, quotas, connections, limits, clock, faults, log } = context;
  return {
    name: 'PutMedia',
    method: 'POST',
    path: '/putMedia',
    streaming: true,
    async handle({ headers, principal, raw: { request, response } }) {
      const given = readHeaders(headers);
      const stream = access.get(principal, 'PutMedia', given);
      quotas.take('PutMedia', stream.name);
      const refusal = faults.takeGeneral('kinesis-video', 'PutMedia', stream.name);
      if (refusal?.kind === 'error') throw new AwsError(refusal.code, refusal.status, refusal.message);
      if (refusal?.kind === 'delay') await delay(refusal.ms);
      if (refusal?.kind === 'drop') {
        request.destroy();
        return undefined;
      }
      connections.admit(stream.arn);
      const session = new PutMediaSession({
        stream,
        retains: () => (state.find(stream.name)?.retentionHours ?? 0) > 0,
        media: state.media(stream),
        request,
        response,
        relativeToMs: given.relativeToMs,
        acksWanted: given.acksWanted,
        limits,
        clock,
        faults: new SessionFaults(faults, stream.name),
        log,
      });
      connections.add(stream.arn, session);
      try {
        await session.run();
      } finally {
        connections.remove(stream.arn, session);
      }
      return undefined;
    },
  };
}

function readHeaders(headers: IncomingHttpHeaders): PutMediaHeaders {
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const [name, arn] = [header('x-amzn-stream-name'), header('x-amzn-stream-arn')];
  if ((name === undefined) === (arn === undefined))
    throw invalidArgument('Give exactly one of the headers x-amzn-stream-name and x-amzn-stream-arn.');
  const timecodeType = header('x-amzn-fragment-timecode-type');
  if (timecodeType !== 'ABSOLUTE' && timecodeType !== 'RELATIVE')
    throw invalidArgument('The header x-amzn-fragment-timecode-type must be ABSOLUTE or RELATIVE.');
  const startMs = readStart(header('x-amzn-producer-start-timestamp'));
  if (timecodeType === 'RELATIVE' && startMs === undefined)
    throw invalidArgument('Relative timecodes need the header x-amzn-producer-start-timestamp.');
  return {
    ...(name === undefined ? {} : { StreamName: parseInput(streamNameSchema, name) }),
    ...(arn === undefined ? {} : { StreamARN: arn }),
    relativeToMs: timecodeType === 'RELATIVE' ? startMs : undefined,
    acksWanted: header('x-amzn-fragment-acknowledgment-required') !== '0',
  };
}

/** Epoch seconds with a fraction, `1600994737.365`. */
function readStart(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,11}(\.\d{1,9})?$/.test(text))
    throw invalidArgument(
      'The header x-amzn-producer-start-timestamp must be epoch seconds with an optional fraction, 1600994737.365 say.',
    );
  return Math.round(Number(text) * 1000);
}
