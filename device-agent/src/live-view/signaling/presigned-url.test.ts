import { expect, it } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../../streaming/testing/sha256.ts';
import { signMasterUrl } from './presigned-url.ts';

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: "session+token/=(*!')",
  expiresAt: new Date('2026-11-20T13:00:00Z'),
};
const date = new Date('2026-11-20T12:36:00.789Z');
const region = 'eu-central-1';
const channelArn =
  'arn:aws:kinesisvideo:eu-central-1:123456789012:channel/aovis-webrtc-aovis-n4k-000123/1763640000000';

it.each(['wss://m-0a1b2c3d.kinesisvideo.eu-central-1.amazonaws.com', 'ws://127.0.0.1:4571'])(
  'signs the address of %s as AWS’s own signer does',
  async (address) => {
    const endpoint = new URL(address);
    const signer = new SignatureV4({ service: 'kinesisvideo', region, credentials, sha256: Sha256 });
    const presigned = await signer.presign(
      {
        method: 'GET',
        protocol: endpoint.protocol,
        hostname: endpoint.hostname,
        path: '/',
        headers: { host: endpoint.host },
        query: { 'X-Amz-ChannelARN': channelArn },
      },
      { expiresIn: 299, signingDate: date },
    );
    const url = signMasterUrl({ endpoint, channelArn, region, credentials, date });
    expect(Object.fromEntries(url.searchParams)).toEqual(presigned.query);
    expect([url.protocol, url.host, url.pathname]).toEqual([endpoint.protocol, endpoint.host, '/']);
  },
);
