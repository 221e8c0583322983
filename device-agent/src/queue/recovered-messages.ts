import type { MessageClass } from './queued-message.ts';
import type { QueueRecord } from './record.ts';
import { type Place, SegmentLog, type SegmentLogOptions } from './segment-log.ts';

export interface RecoveredMessage {
  seq: number;
  class: MessageClass;
  place: Place;
}

/** What an earlier run left on the disk. */
export interface Recovered {
  /** In the order of sending. */
  messages: RecoveredMessage[];
  /** Above every number that occurs: a new message must not be mistaken for one that is done with. */
  nextSeq: number;
  dropped: Record<MessageClass, number>;
}

/** Opens the log and works out what still waits in it. */
export async function readRecovered(
  options: SegmentLogOptions,
): Promise<{ log: SegmentLog; damaged: number; recovered: Recovered }> {
  const found = new Map<number, RecoveredMessage>();
  const removed = new Set<number>();
  const dropped = { event: 0, telemetry: 0 };
  let highest = 0;

  const visit = (record: QueueRecord, place: Place): void => {
    switch (record.type) {
      case 'message':
        // Of a message that was moved the later copy counts: its file stays longer.
        found.set(record.seq, { seq: record.seq, class: record.message.class, place });
        highest = Math.max(highest, record.seq);
        return;
      case 'removed':
        for (const seq of record.seqs) {
          removed.add(seq);
          highest = Math.max(highest, seq);
        }
        return;
      case 'dropped':
        dropped.event = Math.max(dropped.event, record.counts.event);
        dropped.telemetry = Math.max(dropped.telemetry, record.counts.telemetry);
    }
  };
  const { log, damaged } = await SegmentLog.open(options, visit);
  const messages = [...found.values()].filter(({ seq }) => !removed.has(seq)).sort((a, b) => a.seq - b.seq);
  return { log, damaged, recovered: { messages, nextSeq: highest + 1, dropped } };
}
