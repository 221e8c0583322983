import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { CertificateChain } from '../identity/bundle.ts';
import { TestCa } from '../testing/test-pki.ts';
import { chainToRoot, UntrustedChain } from './certificate-chain.ts';

const day = 86_400_000;
const ago = (days: number): Date => new Date(Date.now() - days * day);
const parse = (...pems: string[]): CertificateChain => {
  const [leaf, ...rest] = pems.map((pem) => new X509Certificate(pem));
  if (leaf === undefined) throw new Error('no certificate');
  return [leaf, ...rest];
};

let root: TestCa;
let issuing: TestCa;
let roots: X509Certificate[];

beforeAll(async () => {
  root = await TestCa.create();
  issuing = await root.issueAuthority('Test Issuing');
  roots = [new X509Certificate(root.certificate)];
});

describe('a chain that leads to the root', () => {
  it('is taken whether or not the server shows the root, and in any order after the leaf', async () => {
    const { certificate } = await issuing.issueServer();
    for (const shown of [
      parse(certificate, issuing.certificate),
      parse(certificate, issuing.certificate, root.certificate),
      parse(certificate, root.certificate, issuing.certificate),
    ])
      expect(chainToRoot(shown, roots, 'localhost').map(({ subject }) => subject)).toEqual([
        'CN=localhost',
        'CN=Test Issuing',
        'CN=Test Root',
      ]);
  });

  it('is taken whatever its dates are: they are held against the answer', async () => {
    const { certificate } = await root.issueServer({ notBefore: ago(800), notAfter: ago(400) });
    expect(chainToRoot(parse(certificate), roots, '127.0.0.1')).toHaveLength(2);
  });
});

describe('a chain is not taken', () => {
  it('of another root of the same name', async () => {
    const other = await TestCa.create();
    const { certificate } = await other.issueServer();
    expect(() => chainToRoot(parse(certificate, other.certificate), roots, 'localhost')).toThrow(
      new UntrustedChain('its certificate does not lead to root-ca.pem'),
    );
  });

  it('for another host, or for a name that stands in the subject alone', async () => {
    const { certificate } = await root.issueServer();
    expect(() => chainToRoot(parse(certificate), roots, 'example.com')).toThrow('is not for example.com');
    const client = await root.issueClient({ commonName: 'localhost' });
    expect(() => chainToRoot(parse(client.certificate), roots, 'localhost')).toThrow('is not for localhost');
  });

  it('of a certificate for clients', async () => {
    const { certificate } = await root.issueServer({ purpose: '1.3.6.1.5.5.7.3.2' });
    expect(() => chainToRoot(parse(certificate), roots, 'localhost')).toThrow('is not one for servers');
  });

  it('whose issuer is no authority: any board could make it', async () => {
    const board = await root.issueNoAuthority('aovis-n4k-000123');
    const { certificate } = await board.issueServer();
    expect(() => chainToRoot(parse(certificate, board.certificate), roots, 'localhost')).toThrow(
      UntrustedChain,
    );
  });

  it('without the certificate in the middle', async () => {
    const { certificate } = await issuing.issueServer();
    expect(() => chainToRoot(parse(certificate), roots, 'localhost')).toThrow(UntrustedChain);
  });
});
