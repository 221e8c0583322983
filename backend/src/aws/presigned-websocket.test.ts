import { KinesisVideoClient } from '@aws-sdk/client-kinesis-video';
import { afterAll, describe, expect, it } from '@jest/globals';
import { presignWebSocket } from './presigned-websocket.ts';

/** The vectors of awslabs/amazon-kinesis-video-streams-webrtc-sdk-js, src/SigV4RequestSigner.spec.ts. */
describe('the address of a signaling channel', () => {
  const client = new KinesisVideoClient({ region: 'us-west-2' });
  afterAll(() => client.destroy());
  const { sha256 } = client.config;
  const at = new Date('2019-12-01T00:00:00.000Z');
  const credentials = {
    accessKeyId: 'AKIA4F7WJQR7FMMWMNXI',
    secretAccessKey: 'FakeSecretKey',
    sessionToken: 'FakeSessionToken',
  };
  const signer = { region: 'us-west-2', credentials, sha256 };
  const query = { 'X-Amz-TestParam': 'test-param-value' };

  it('is signed as AWS’s own client signs it', async () => {
    expect(await presignWebSocket('wss://kvs.awsamazon.com', query, at, signer)).toBe(
      'wss://kvs.awsamazon.com/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA4F7WJQR7FMMWMNXI%2F20191201%2Fus-west-2%2Fkinesisvideo%2Faws4_request&X-Amz-Date=20191201T000000Z&X-Amz-Expires=299&X-Amz-Security-Token=FakeSessionToken&X-Amz-Signature=fc268038be276315822b4f73eafd28ee3a5632a2a35fdb0a88db9a42b13d6c92&X-Amz-SignedHeaders=host&X-Amz-TestParam=test-param-value',
    );
  });

  it('needs no session token', async () => {
    const { sessionToken: _, ...longLived } = credentials;
    const url = await presignWebSocket('wss://kvs.awsamazon.com', query, at, {
      ...signer,
      credentials: longLived,
    });
    expect(url).not.toContain('X-Amz-Security-Token');
  });

  it('encodes what a query cannot hold', async () => {
    const arn =
      'arn:aws:kinesisvideo:us-west-2:123456789012:channel/aovis-webrtc-aovis-n4k-000123/1573505404491';
    const url = await presignWebSocket(
      'wss://kvs.awsamazon.com',
      { 'X-Amz-ChannelARN': arn, odd: "+=/ !'()*ü" },
      at,
      signer,
    );
    expect(url).toContain('odd=%2B%3D%2F%20%21%27%28%29%2A%C3%BC');
    expect(new URL(url).searchParams.get('X-Amz-ChannelARN')).toBe(arn);
  });

  it('signs for the host with its port, as clients send it', async () => {
    const [one, two] = await Promise.all(
      ['ws://127.0.0.1:8443', 'ws://127.0.0.1:9443'].map((endpoint) =>
        presignWebSocket(endpoint, query, at, signer),
      ),
    );
    expect(one?.startsWith('ws://127.0.0.1:8443/?')).toBe(true);
    const signatureOf = (url = ''): string | null => new URL(url).searchParams.get('X-Amz-Signature');
    expect(signatureOf(one)).not.toBe(signatureOf(two));
  });

  it('is that of a WebSocket', async () => {
    await expect(presignWebSocket('https://kvs.awsamazon.com', query, at, signer)).rejects.toThrow('wss:');
  });
});
