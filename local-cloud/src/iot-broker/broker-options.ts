import type { KeepAliveRange } from './gatekeeper.ts';

export interface BrokerOptions {
  /** 0, the default, takes a free one. */
  port: number;
  /** Refuse clients without SNI as AWS does. Off by default: a client that connects to 127.0.0.1 cannot send one. */
  requireSni: boolean;
  /** How a CONNECT without permission ends: closed without a word, as clients of AWS see it, or CONNACK 5. */
  refusal: 'close' | 'connack';
  /** AWS keeps a persistent session for an hour. */
  sessionExpirySeconds: number;
  /** AWS sends stored messages at 10 a second. */
  replayPerSecond: number;
  keepAlive: KeepAliveRange;
}

export const defaultBrokerOptions: BrokerOptions = {
  port: 0,
  requireSni: false,
  refusal: 'close',
  sessionExpirySeconds: 3600,
  replayPerSecond: 10,
  keepAlive: { minSeconds: 30, maxSeconds: 1200 },
};
