import { TLSSocket } from 'node:tls';

/** A client that does not read keeps an alert from going out; then the connection ends without it. */
const patienceMs = 1_000;

/**
 * Lets a connection that is ended by us end as AWS IoT ends it: with TLS's close_notify (RFC 8446 §6.1), by which clients
 * tell a broker that hangs up from a network that broke. `destroy` alone leaves it out.
 */
export function endInOrder(socket: TLSSocket): TLSSocket {
  let ending = false;
  socket.destroy = (error) => {
    const destroy = (): TLSSocket => TLSSocket.prototype.destroy.call(socket, error);
    if (ending || !socket.writable) return destroy();
    ending = true;
    const patience = setTimeout(destroy, patienceMs).unref();
    socket.once('close', () => clearTimeout(patience));
    // What the client still says is of no interest, but left unread it would turn the end into a reset.
    socket.resume();
    socket.end(destroy);
    return socket;
  };
  return socket;
}
