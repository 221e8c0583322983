import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ApiDocument, breakingChanges } from './api/breaking-changes.ts';

/**
 * Fails when docs/openapi.json breaks clients of docs/openapi.released.json, the API that the published app was built
 * for. `--release` makes the present API the released one: with a release, or when a break was decided on purpose (the
 * diff of the file then shows it to the reviewers).
 */
const root = join(import.meta.dirname, '..');
const present = join(root, 'docs/openapi.json');
const released = join(root, 'docs/openapi.released.json');

const read = async (path: string): Promise<ApiDocument> => JSON.parse(await readFile(path, 'utf8'));

if (process.argv.includes('--release')) {
  await copyFile(present, released);
} else {
  const problems = breakingChanges(await read(released), await read(present));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error(
      `The API breaks its clients in ${problems.length} places. Keep the old form beside the new one, or, if the ` +
        'break is decided: npm run check:api -- --release',
    );
    process.exitCode = 1;
  }
}
