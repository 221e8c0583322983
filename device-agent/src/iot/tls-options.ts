import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { IotEndpoint } from './iot-connection.ts';

/** AWS IoT Core tells MQTT from HTTPS on port 443 by ALPN (Developer Guide, "Device communication protocols"). */
const alpnPort = 443;
const alpnProtocol = 'x-amzn-mqtt-ca';

/** The ALPN protocols to offer; none on a port that serves nothing but MQTT. */
export function alpnProtocols({ port, alpn = port === alpnPort }: IotEndpoint): string[] {
  return alpn ? [alpnProtocol] : [];
}

/** SNI is mandatory for AWS IoT Core and must be a name: RFC 6066 §3 knows no literal addresses. */
export function tlsOptions(endpoint: IotEndpoint): ConnectionOptions {
  const { host, port, certificate, privateKey, rootCa } = endpoint;
  const protocols = alpnProtocols(endpoint);
  return {
    host,
    port,
    cert: certificate,
    key: privateKey,
    ca: rootCa,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(protocols.length === 0 ? {} : { ALPNProtocols: protocols }),
  };
}
