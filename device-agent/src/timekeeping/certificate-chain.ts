import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { CertificateChain } from '../identity/bundle.ts';

/** `id-kp-serverAuth` (RFC 5280 §4.2.1.12). */
const serverAuthentication = '1.3.6.1.5.5.7.3.1';
/** AWS's endpoints show three or four certificates. */
const maxLength = 8;

/** A server's certificates do not lead to a root that is trusted, or are not for its name. */
export class UntrustedChain extends Error {
  override readonly name = 'UntrustedChain';
}

/**
 * The way from a server's certificate to one of `roots`, checked as by RFC 5280 §6 in all but the dates: names, signatures,
 * authorities that may issue, purpose and host. For the one question that has to be asked before the dates can be checked.
 * Throws {@link UntrustedChain}. `presented` is leaf first, the others in any order.
 */
export function chainToRoot(
  presented: CertificateChain,
  roots: readonly X509Certificate[],
  host: string,
): CertificateChain {
  const [leaf] = presented;
  checkLeaf(leaf, host);
  const chain: [X509Certificate, ...X509Certificate[]] = [leaf];
  let last = leaf;
  while (!roots.some(({ raw }) => raw.equals(last.raw))) {
    const issuer = [...roots, ...presented].find(
      (candidate) => !chain.includes(candidate) && hasIssued(candidate, last),
    );
    if (issuer === undefined || chain.length === maxLength)
      throw new UntrustedChain('its certificate does not lead to root-ca.pem');
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

function checkLeaf(leaf: X509Certificate, host: string): void {
  const named = isIP(host) === 0 ? leaf.checkHost(host, { subject: 'never' }) : leaf.checkIP(host);
  if (named === undefined) throw new UntrustedChain(`its certificate is not for ${host}`);
  // Node.js calls the extended key usage so; without one a certificate is good for every purpose.
  const purposes: readonly string[] | undefined = leaf.keyUsage;
  if (purposes !== undefined && !purposes.includes(serverAuthentication))
    throw new UntrustedChain('its certificate is not one for servers');
}

/** `checkIssued` compares names, key identifiers and the right to sign certificates; it looks at no signature. */
function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
