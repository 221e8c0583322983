/** One MQTT message on its way through the broker. */
export interface Message {
  topic: string;
  payload: Buffer;
  qos: 0 | 1;
  retain: boolean;
  /** Who published; undefined for the services themselves and the HTTPS data plane. */
  clientId?: string | undefined;
}

/** What the other services need of the broker. */
export interface MessageBus {
  /** Publishes in the account's own name: no policy is asked. */
  publish(message: { topic: string; payload: Buffer | string; qos?: 0 | 1; retain?: boolean }): void;
  /** Calls `listener` with every message after its delivery has begun; returns how to stop that. */
  tap(listener: (message: Message) => void): () => void;
}
