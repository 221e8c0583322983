import { generateKeyPairSync } from 'node:crypto';
import type { IotRegistry } from '../cloud/iot-registry.ts';
import { Refusal } from '../refusal.ts';
import { fromDer, toPem } from './asn1.ts';
import type { FactoryCa } from './ca-store.ts';
import { issuerOf, leafExtensionsOf, nameOf, signCertificate } from './certificate.ts';
import type { Signer } from './signer.ts';

export type CaMode = 'SNI_ONLY' | 'DEFAULT';

/**
 * Tells AWS IoT about the issuing CA. `SNI_ONLY`: no proof of the key, boards must send SNI (ours do). `DEFAULT`:
 * one account per region, proven by a certificate whose common name is the account's registration code (AWS IoT
 * Developer Guide, «Register a CA certificate»). May be repeated; an inactive CA is activated.
 */
export async function registerCa(
  registry: IotRegistry,
  ca: FactoryCa,
  mode: CaMode,
  signer: Signer | undefined,
  now: number,
): Promise<{ id: string; alreadyRegistered: boolean }> {
  const pem = ca.issuing.toString();
  const verificationPem =
    mode === 'DEFAULT' ? await verificationCertificate(registry, ca, signer, now) : undefined;
  const { id, alreadyRegistered } = await registry.registerCa({ pem, mode, verificationPem });
  if (!alreadyRegistered) return { id, alreadyRegistered };
  const found = await registry.describeCa(id);
  if (found.pem.replace(/\s/g, '') !== pem.replace(/\s/g, ''))
    throw new Refusal('conflict', `AWS IoT knows CA ${id} with another content; ask who registered it.`);
  if (found.mode !== undefined && found.mode !== mode)
    throw new Refusal(
      'conflict',
      `AWS IoT has this CA in mode ${found.mode} already; use --mode ${found.mode}.`,
    );
  if (found.status !== 'ACTIVE') await registry.activateCa(id);
  return { id, alreadyRegistered };
}

async function verificationCertificate(
  registry: IotRegistry,
  ca: FactoryCa,
  signer: Signer | undefined,
  now: number,
): Promise<string> {
  if (!signer) throw new Refusal('ca', 'Mode DEFAULT needs the CA key to prove that we hold it.');
  const code = await registry.registrationCode();
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = fromDer(publicKey.export({ type: 'spki', format: 'der' }));
  const issuer = issuerOf(ca.issuing.raw);
  const der = await signCertificate(
    {
      issuer: issuer.name,
      subject: nameOf({ commonName: code }),
      spki,
      notBefore: new Date(now - 86_400_000),
      notAfter: new Date(now + 86_400_000),
      extensions: leafExtensionsOf(spki, issuer.keyId),
    },
    signer,
  );
  return toPem('CERTIFICATE', der);
}
