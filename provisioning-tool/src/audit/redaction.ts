import { withoutCodes } from '@aovis/contracts/code-redaction';

const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const transportKey = /AGE-SECRET-KEY-[0-9A-Z-]+/gi;

/** The text without activation codes and without private keys, whole ones or the beginnings of such. */
export function withoutSecrets(text: string): string {
  return withoutCodes(text.replace(privateKey, '[private key]').replace(transportKey, '[private key]'));
}
