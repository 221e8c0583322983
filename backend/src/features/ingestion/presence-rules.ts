/** What is known of a board's connection: the last of its events that counted. */
export interface Presence {
  online: boolean;
  sessionId: string;
  version: number;
  /** Of that event, by the broker's clock, milliseconds since the Unix epoch. */
  atMs: number;
}

export interface PresenceEvent {
  eventType: 'connected' | 'disconnected';
  sessionId: string;
  version: number;
  atMs: number;
}

/**
 * The broker starts a client's version over after about an hour offline, so events this close together are of one
 * count and their versions can be compared; of events further apart the later one is newer.
 */
const oneCountMs = 30 * 60_000;

/**
 * The state after an event, undefined when the event changes nothing. Lifecycle events come unordered and more than
 * once; begin and end of one connection share session and version (AWS IoT Developer Guide, "Lifecycle events"). A
 * connection that ended stays ended, and no event of an older connection moves the state.
 */
export function presenceAfter(known: Presence | undefined, event: PresenceEvent): Presence | undefined {
  const next: Presence = {
    online: event.eventType === 'connected',
    sessionId: event.sessionId,
    version: event.version,
    atMs: event.atMs,
  };
  if (known === undefined) return next;
  if (event.sessionId === known.sessionId) return known.online && !next.online ? next : undefined;
  return isNewer(event, known) ? next : undefined;
}

function isNewer(event: PresenceEvent, known: Presence): boolean {
  const elapsedMs = event.atMs - known.atMs;
  const comparable = Math.abs(elapsedMs) < oneCountMs && event.version !== known.version;
  return comparable ? event.version > known.version : elapsedMs > 0;
}
