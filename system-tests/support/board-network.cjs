/**
 * Preloaded into a board's agent (`NODE_OPTIONS=--require`), in plain JavaScript for any Node: what the network does to it is in the file
 * BOARD_NETWORK, as board-network.ts writes it. Names are resolved or not; connections to a port may be led to another.
 */
const dns = require('node:dns');
const { readFileSync } = require('node:fs');
const net = require('node:net');

const network = () => JSON.parse(readFileSync(process.env.BOARD_NETWORK, 'utf8'));

const lookup = dns.lookup;
dns.lookup = (hostname, ...rest) => {
  const callback = rest.at(-1);
  if (net.isIP(hostname) !== 0 || network().names) return lookup(hostname, ...rest);
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), {
    errno: -3008,
    code: 'ENOTFOUND',
    syscall: 'getaddrinfo',
    hostname,
  });
  process.nextTick(callback, error);
  return {};
};

const { value: connect } = Object.getOwnPropertyDescriptor(net.Socket.prototype, 'connect');
net.Socket.prototype.connect = function (...args) {
  // `net.connect` hands its arguments on as one array.
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  const { names, ports } = network();
  const port = typeof options === 'object' && options !== null ? ports[options.port] : undefined;
  if (port !== undefined) {
    options.port = port;
    // The stand-in for video is reached by its address; the service it stands for has a name.
    if (!names) options.host = 'localhost';
  }
  return Reflect.apply(connect, this, args);
};
