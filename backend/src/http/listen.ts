import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ListenAddress {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** What the two settings begin with, for the sentence: `AOVIS_HTTP`. */
  settings: string;
}

/** An address that cannot be listened on, as a sentence that names the setting to change. */
export class ListenRefused extends Error {}

/** Resolves once `server` listens. @throws ListenRefused */
export function listenOn(server: Server, { host, port, settings }: ListenAddress): Promise<AddressInfo> {
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} on ${host} is taken: stop the other program or set ${settings}_PORT.`,
    EADDRNOTAVAIL: `${host} is no address of this machine: correct ${settings}_HOST.`,
    ENOTFOUND: `${host} is no address of this machine: correct ${settings}_HOST.`,
    EACCES: `This user may not listen on port ${port}: set ${settings}_PORT to one above 1023.`,
  };
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const sentence = advice[error.code ?? ''];
      reject(sentence === undefined ? error : new ListenRefused(sentence, { cause: error }));
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}
