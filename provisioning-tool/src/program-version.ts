import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Set by build.ts for the bundled program; one that runs from its sources has its `package.json` beside them. */
declare const AOVIS_PROVISION_VERSION: string | undefined;

/** Version of this program, e.g. `0.1.0`. */
export function programVersion(): string {
  if (typeof AOVIS_PROVISION_VERSION !== 'undefined') return AOVIS_PROVISION_VERSION;
  const file = readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8');
  const { version } = JSON.parse(file) as { version: string };
  return version;
}
