export interface BoardMessage {
  topic: string;
  /** JSON, at most 128 KB. */
  payload: unknown;
}

/** Sends messages to boards. */
export interface BoardPublisher {
  /**
   * Resolves when the broker has the message: from then on it is delivered at least once, to a board that is away when
   * it comes back within the hour. May be repeated.
   * @throws AppError service_unavailable when the broker cannot be reached
   */
  publish(message: BoardMessage, signal: AbortSignal): Promise<void>;
}
