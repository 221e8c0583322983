import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { close, freePorts, listen } from './listen.ts';

describe('listen', () => {
  let servers: Server[];
  const server = (): Server => {
    const made = createServer();
    servers.push(made);
    return made;
  };
  beforeEach(() => {
    servers = [];
  });
  afterEach(async () => {
    await Promise.all(servers.map((one) => close(one)));
  });

  it('takes a free port below those of outgoing connections', async () => {
    const port = await listen(server(), 0);
    expect(port).toBeGreaterThanOrEqual(freePorts.first);
    expect(port).toBeLessThanOrEqual(freePorts.last);
    expect(servers[0]?.address()).toMatchObject({ address: '127.0.0.1', port });
  });

  it('goes on to another port while those it tries are taken', async () => {
    const taken = await listen(server(), 0);
    const other = await listen(server(), 0);
    await close(servers[1] ?? server());
    const candidates = [taken, taken, other];
    expect(await listen(server(), 0, { candidate: () => candidates.shift() ?? 0 })).toBe(other);
    expect(candidates).toEqual([]);
  });

  it('gives up when no port is free, and at once when the port is given', async () => {
    const taken = await listen(server(), 0);
    await expect(listen(server(), 0, { candidate: () => taken })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      port: taken,
    });
    await expect(listen(server(), taken)).rejects.toMatchObject({ code: 'EADDRINUSE', port: taken });
  });
});
