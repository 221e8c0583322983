import { connect } from 'node:tls';
import type { IotEndpoint } from './iot-connection.ts';
import type { LinkEnd } from './mqtt-link.ts';
import { tlsOptions } from './tls-options.ts';

/** A server that does not take our certificate says so, by TLS 1.3, only after the handshake is complete for us. */
const lastWordMs = 1_000;
const handshakeMs = 10_000;

/**
 * What a TLS handshake with the endpoint comes to, in Node's terms: the AWS Common Runtime says only that negotiation
 * failed, and when the server is not to be trusted it says so after 10 to 30 s (s2n's blinding). Nothing is sent.
 */
export function diagnoseTls(endpoint: IotEndpoint): Promise<LinkEnd> {
  return new Promise((resolve) => {
    const end: LinkEnd = { secured: false };
    const socket = connect(tlsOptions(endpoint));
    let timer = setTimeout(() => {
      end.error = Object.assign(new Error('The TLS handshake takes too long.'), { code: 'ETIMEDOUT' });
      socket.destroy();
    }, handshakeMs);
    socket.once('secureConnect', () => {
      end.secured = true;
      clearTimeout(timer);
      timer = setTimeout(() => socket.destroy(), lastWordMs);
    });
    socket.on('error', (error) => {
      end.error = error;
    });
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(end);
    });
    // What a server may send before it closes has to be read for its last word to be heard.
    socket.resume();
  });
}
