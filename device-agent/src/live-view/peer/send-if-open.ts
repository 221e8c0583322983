/**
 * Sends while it is open. Its own thread may close it between the question and the sending, which then throws: a viewer that
 * leaves just then is told of by the connection's state.
 */
export function sendIfOpen(way: { isOpen(): boolean }, send: () => void): void {
  if (!way.isOpen()) return;
  try {
    send();
  } catch (error) {
    if (way.isOpen()) throw error;
  }
}
