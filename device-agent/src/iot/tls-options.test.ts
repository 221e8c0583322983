import { expect, it } from '@jest/globals';
import { tlsOptions } from './tls-options.ts';

const endpoint = {
  host: 'abc-ats.iot.eu-central-1.amazonaws.com',
  port: 8883,
  clientId: 'aovis-n4k-000123',
  certificate: 'C',
  privateKey: 'K',
  rootCa: 'R',
  keepAliveSeconds: 30,
  will: { topic: 't', payload: '{}' },
};

it('offers the ALPN protocol of AWS IoT on port 443 only, unless told', () => {
  expect(tlsOptions({ ...endpoint, port: 443 })).toMatchObject({ ALPNProtocols: ['x-amzn-mqtt-ca'] });
  expect(tlsOptions({ ...endpoint, alpn: true })).toMatchObject({ ALPNProtocols: ['x-amzn-mqtt-ca'] });
  expect(tlsOptions(endpoint)).not.toHaveProperty('ALPNProtocols');
});

it('names the server by SNI unless the host is an address', () => {
  expect(tlsOptions(endpoint)).toMatchObject({ servername: endpoint.host, minVersion: 'TLSv1.2' });
  expect(tlsOptions({ ...endpoint, host: '127.0.0.1' })).not.toHaveProperty('servername');
});
