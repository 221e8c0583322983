import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const leafExtensions = `[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[req]
distinguished_name = dn
[dn]
`;

const openssl = (directory: string, line: string): Buffer =>
  execFileSync('openssl', line.split(' '), { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });

/** A P-256 CA in the folder, for `measureOpenssl`. */
export function makeOpensslCa(directory: string): void {
  writeFileSync(join(directory, 'leaf.cnf'), leafExtensions);
  openssl(
    directory,
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 3650 -subj /CN=ca',
  );
}

/** Keys and certificates a second, one openssl process each: `req -x509 -newkey ec -CA`. */
export function measureOpenssl(directory: string, count: number): number {
  const startedAt = performance.now();
  for (let i = 0; i < count; i++) {
    openssl(
      directory,
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.crt -days 7300 -subj /CN=aovis-n4k-${i} -CA ca.crt -CAkey ca.key -config leaf.cnf -extensions leaf`,
    );
  }
  return count / ((performance.now() - startedAt) / 1000);
}
