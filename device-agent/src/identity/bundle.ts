import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BundleDescriptor, bundleDescriptorSchema, bundleFiles } from '@aovis/contracts/provisioning';
import { Refusal } from '../refusal.ts';
import { checkFile, checkFileModes } from './file-modes.ts';
import { IdentityStore } from './identity-store.ts';

/** Who the board is, as the factory wrote it, or a later rotation of its certificate. The key never leaves this object but for TLS. */
export interface Bundle {
  descriptor: BundleDescriptor;
  /** Thing name, MQTT client id and device id: one string. */
  thing: string;
  /** PEM, PKCS#8. */
  privateKey: string;
  /** PEM, leaf first. */
  certificate: string;
  /** PEM. */
  rootCa: string;
  /** Lower-case hex SHA-256 of the leaf's DER, as AWS IoT names certificates. */
  certificateId: string;
  notBefore: Date;
  notAfter: Date;
}

/** The files of a bundle, read but not yet held against each other. */
export interface BundleFiles {
  directory: string;
  descriptor: BundleDescriptor;
  /** PEM. */
  privateKey: string;
  certificate: string;
  rootCa: string;
}

/** Leaf first, then its issuers. */
export type CertificateChain = readonly [X509Certificate, ...X509Certificate[]];

/** Reads and checks the bundle in `directory`; every failure is a `Refusal` that names the file and the remedy. */
export async function loadBundle(directory: string): Promise<Bundle> {
  const files = await readBundleFiles(directory);
  const chain = checkKey(files);
  checkChain(chain);
  return bundleOf(files, chain);
}

/** Checks modes and that the files can be read; they may still be of two boards. */
export async function readBundleFiles(directory: string): Promise<BundleFiles> {
  await checkFileModes(directory);
  const read = (name: string): Promise<string> => readText(join(directory, name));
  const { activePaths: active } = await IdentityStore.open(directory);
  for (const path of Object.values(active)) await checkFile(path);
  return {
    directory,
    descriptor: parseDescriptor(await read(bundleFiles.descriptor), directory),
    privateKey: await readText(active.privateKey),
    certificate: await readText(active.certificate),
    rootCa: await read(bundleFiles.rootCa),
  };
}

/** Refuses a key that is not the certificate's; answers the certificates. */
export function checkKey({ privateKey, certificate, rootCa, descriptor }: BundleFiles): CertificateChain {
  const key = parseKey(privateKey);
  const chain = parseCertificates(certificate, bundleFiles.certificate);
  parseCertificates(rootCa, bundleFiles.rootCa);
  if (!chain[0].checkPrivateKey(key))
    throw invalid(
      `${bundleFiles.privateKey} is not the key of ${bundleFiles.certificate}: files of two boards were mixed. ` +
        `Copy the whole bundle of ${descriptor.device_id} again.`,
    );
  return chain;
}

/** The bundle that checked files make. */
export function bundleOf(files: BundleFiles, [leaf]: CertificateChain): Bundle {
  const { descriptor, privateKey, certificate, rootCa } = files;
  return {
    descriptor,
    thing: descriptor.device_id,
    privateKey,
    certificate,
    rootCa,
    certificateId: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore: new Date(leaf.validFrom),
    notAfter: new Date(leaf.validTo),
  };
}

const invalid = (sentence: string, cause?: unknown): Refusal =>
  new Refusal('bundleInvalid', sentence, { cause });

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Refusal(
      'bundleMissing',
      `${path} cannot be read: start the agent as the user that owns the file.`,
      { cause },
    );
  }
}

function parseDescriptor(text: string, directory: string): BundleDescriptor {
  const path = join(directory, bundleFiles.descriptor);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(`${path} is not valid JSON: copy the bundle again.`, cause);
  }
  const parsed = bundleDescriptorSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`);
  throw invalid(
    `${path} does not fit this agent (${problems.join('; ')}): write the bundle again with a matching aovis-provision.`,
  );
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause is left out on purpose: nothing that was derived from key material goes into an error.
    throw invalid(`${bundleFiles.privateKey} is not an unencrypted PKCS#8 PEM key: copy the bundle again.`);
  }
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function parseCertificates(pem: string, file: string): [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...rest] = (pem.match(pemCertificate) ?? []).map((block) => new X509Certificate(block));
    if (first !== undefined) return [first, ...rest];
  } catch (cause) {
    throw invalid(`${file} holds a damaged certificate: copy the bundle again.`, cause);
  }
  throw invalid(`${file} holds no PEM certificate: copy the bundle again.`);
}

/** Each certificate must be signed by the one after it (RFC 8446 §4.4.2); the last one's issuer may be left out. */
export function checkChain(chain: CertificateChain): void {
  chain.forEach((certificate, index) => {
    const issuer = chain[index + 1];
    if (issuer !== undefined && !(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)))
      throw invalid(
        `Certificate ${index + 1} of ${bundleFiles.certificate} was not issued by the one after it: ` +
          'the chain is broken. Write the bundle again.',
      );
  });
}
