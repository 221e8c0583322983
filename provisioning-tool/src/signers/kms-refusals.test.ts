import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';

/** What the stand-in for AWS KMS does not make: keys of other kinds, and one that signs with another. */
interface Key {
  publicKey: KeyObject;
  usage?: string;
  signsWith?: KeyObject;
}

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const arn = 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-000000000000';

describe('a key in AWS KMS', () => {
  let factory: FactoryFixture;
  let server: Server;
  let key: Key;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    server = createServer((request, response) => {
      const operation = request.headers['x-amz-target'];
      void json(request).then((body) => {
        response.setHeader('content-type', 'application/x-amz-json-1.1');
        response.end(JSON.stringify(operation === 'TrentService.Sign' ? signed(body) : described()));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    factory.env['AOVIS_KMS_URL'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await factory.stop();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  /** GetPublicKey of the AWS KMS API Reference. */
  function described(): object {
    const der = key.publicKey.export({ type: 'spki', format: 'der' });
    return { KeyId: arn, KeyUsage: key.usage ?? 'SIGN_VERIFY', PublicKey: der.toString('base64') };
  }

  /** Sign, of some message: what it is does not matter with the wrong key. */
  function signed(body: unknown): object {
    const message = createHash('sha256').update(JSON.stringify(body)).digest();
    const signature = key.signsWith ? sign('sha256', message, key.signsWith) : Buffer.alloc(70);
    return { KeyId: arn, Signature: signature.toString('base64') };
  }

  const init = () =>
    factory.cli('ca', 'init', '--issuing-key', arn, '--passphrase-file', factory.passphraseFile);

  it.each<[string, () => Key, string]>([
    ['on the curve P-384', () => ec('secp384r1'), 'neither EC P-256 nor RSA of at least 2048 bits'],
    ['on the curve secp256k1', () => ec('secp256k1'), 'neither EC P-256 nor RSA of at least 2048 bits'],
    [
      'of RSA-1024',
      () => generateKeyPairSync('rsa', { modulusLength: 1_024 }),
      'neither EC P-256 nor RSA of at least 2048 bits',
    ],
    ['of Ed25519', () => generateKeyPairSync('ed25519'), 'neither EC P-256 nor RSA of at least 2048 bits'],
    [
      'for encryption',
      () => ({ ...generateKeyPairSync('rsa', { modulusLength: 2_048 }), usage: 'ENCRYPT_DECRYPT' }),
      'is not for signing; make one with key usage SIGN_VERIFY',
    ],
  ])('%s is no CA’s', async (_kind, make, sentence) => {
    key = make();
    expect(await init()).toMatchObject({ exitCode: 5, stderr: expect.stringContaining(sentence) });
  });

  it('whose signatures are not its own signs nothing', async () => {
    key = { ...ec('prime256v1'), signsWith: ec('prime256v1').privateKey };
    expect(await init()).toMatchObject({ exitCode: 0 });
    const registered = await factory.cli('ca', 'register', '--mode', 'DEFAULT');
    expect(registered.exitCode).toBe(5);
    expect(registered.stderr).toContain(arn);
    expect(factory.iot.cas.size).toBe(0);
  });
});
