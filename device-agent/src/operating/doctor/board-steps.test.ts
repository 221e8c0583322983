import { X509Certificate } from 'node:crypto';
import type { access } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BundleFiles, CertificateChain } from '../../identity/bundle.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { TestCa } from '../../testing/test-pki.ts';
import { type TimeAnswer, TimeUnknown } from '../../timekeeping/time-answer.ts';
import { lookAtChain, lookAtClock, lookAtState } from './board-steps.ts';

let parent: string;

beforeEach(async () => {
  parent = await temporaryDirectory();
});

/** Tests run as root, too, to whom a mode forbids nothing. */
const refused =
  (code: (path: string) => string): typeof access =>
  async (path) => {
    throw Object.assign(new Error('refused'), { code: code(String(path)) });
  };

describe('the state directory, as the doctor sees it', () => {
  it('may be there or be made', async () => {
    expect(await lookAtState(parent)).toBe(`the state directory ${parent} can be written`);
    const state = join(parent, 'of', 'aovis');
    expect(await lookAtState(state)).toBe(`the state directory ${state} is made at the first start`);
  });

  it('is told when it cannot be written', async () => {
    await expect(
      lookAtState(
        parent,
        refused(() => 'EACCES'),
      ),
    ).rejects.toThrow('cannot be read and written by this user');
  });

  it('is told when its disk is full', async () => {
    const look = (freeBytes: number | undefined): Promise<string> =>
      lookAtState(
        parent,
        async () => {},
        () => freeBytes,
      );
    await expect(look(4_096)).rejects.toThrow(
      `The disk of the state directory ${parent} is full (4 KiB free)`,
    );
    expect([await look(1024 * 1024), await look(undefined)]).toEqual([
      `the state directory ${parent} can be written`,
      `the state directory ${parent} can be written`,
    ]);
  });

  it('is told when it is not there and cannot be made', async () => {
    const state = join(parent, 'of', 'aovis');
    await expect(
      lookAtState(
        state,
        refused((path) => (path === state ? 'ENOENT' : 'EACCES')),
      ),
    ).rejects.toThrow(`${state} does not exist, and this user may not make it in ${parent}`);
  });
});

describe('the clock, as the doctor sees it', () => {
  const day = 86_400_000;
  const now = Date.now();

  async function look(clockMs: number, ask: () => Promise<TimeAnswer>): Promise<string> {
    const { certificate } = await (await TestCa.create()).issueClient({ commonName: 'board' });
    const chain = [new X509Certificate(certificate)] as const;
    const step = { clock: new FakeClock(clockMs), chain, builtAt: now - 10 * day, ask };
    return (await lookAtClock(step)).detail;
  }

  const cloud = async (): Promise<TimeAnswer> => ({
    from: 'cloud:443',
    time: now,
    receivedAt: 0,
    notBefore: now - day,
    notAfter: now + 90 * day,
  });
  const nobody = (): Promise<TimeAnswer> => Promise.reject(new TimeUnknown('cannot be asked'));

  it('is held against the cloud’s', async () => {
    expect(await look(now + 2_000, cloud)).toContain('2 s from what cloud:443 says');
    await expect(look(now + 30 * day, cloud)).rejects.toThrow('the clock is 30 d ahead. So far back');
  });

  it('stands by itself when the cloud cannot be asked: later steps say why', async () => {
    expect(await look(now, nobody)).toContain('the cloud could not be asked for the time');
  });

  it('is refused with what the cloud says when it cannot be right', async () => {
    await expect(look(0, cloud)).rejects.toThrow('Set it: sudo aovis-agent clock --set, which');
    await expect(look(0, nobody)).rejects.toThrow('this agent was built on');
  });
});

describe('the chain, as the doctor sees it', () => {
  async function look(options: {
    sentAlong: boolean;
    ownCloud: boolean;
    factoryName?: string;
  }): Promise<string> {
    const [factory, cloud] = [await TestCa.create(options.factoryName), await TestCa.create()];
    const { certificate, privateKey } = await factory.issueClient({ commonName: 'board' });
    const pem = options.sentAlong ? `${certificate}\n${factory.certificate}` : certificate;
    const rootCa = (options.ownCloud ? factory : cloud).certificate;
    const chain = pem
      .split(/(?=-----BEGIN)/)
      .map((text) => new X509Certificate(text)) as unknown as CertificateChain;
    const files = { certificate: pem, privateKey, rootCa } as BundleFiles;
    return (await lookAtChain(files, chain)).detail;
  }

  it('is the board’s certificate and its issuer', async () => {
    expect(await look({ sentAlong: true, ownCloud: false })).toMatch(/^2 certificates, issued by /);
  });

  it('may be the board’s alone when the cloud issued it', async () => {
    expect(await look({ sentAlong: false, ownCloud: true })).toMatch(/^1 certificate, issued by /);
    // One RDN, as AWS IoT writes it.
    const factoryName = 'x,OU=Amazon Web Services O\\=Amazon.com Inc. L\\=Seattle ST\\=Washington C\\=US';
    expect(await look({ sentAlong: false, ownCloud: false, factoryName })).toMatch(/^1 certificate/);
  });

  it('is refused without an issuer that the cloud cannot know', async () => {
    await expect(look({ sentAlong: false, ownCloud: false })).rejects.toThrow(
      /^device\.crt holds the certificate of the board alone, without that of its issuer \(.+\), which the cloud has no other way/,
    );
  });
});
