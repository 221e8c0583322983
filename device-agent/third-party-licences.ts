import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

interface Manifest {
  name: string;
  version: string;
  license?: string;
  author?: string | { name?: string };
}

/** The licences of the packages that files of a bundle come from, whose text most of them want to be passed on. */
export async function thirdPartyLicences(inputs: readonly string[]): Promise<string> {
  const foreign = inputs.map((path) => resolve(path)).filter((path) => /[\\/]node_modules[\\/]/.test(path));
  const packages = new Map<string, Manifest>();
  for (const folder of new Set(foreign.map((path) => dirname(path)))) {
    const found = await packageOf(folder);
    packages.set(found.directory, found.manifest);
  }
  const texts = await Promise.all([...packages].map(licenceOf));
  return texts.sort().join(`\n${'-'.repeat(80)}\n`);
}

/** Folders in a package may have a package.json, too, but only the package's own has name and version. */
async function packageOf(folder: string): Promise<{ directory: string; manifest: Manifest }> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}');
  const manifest = JSON.parse(text) as Partial<Manifest>;
  const { name, version } = manifest;
  if (name !== undefined && version !== undefined)
    return { directory: folder, manifest: { ...manifest, name, version } };
  return packageOf(dirname(folder));
}

async function licenceOf([directory, { name, version, license, author }]: [
  string,
  Manifest,
]): Promise<string> {
  const file = (await readdir(directory)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  const who = typeof author === 'string' ? author : author?.name;
  const text =
    file === undefined
      ? `Licence: ${license ?? 'unknown'}${who === undefined ? '' : `, by ${who}`}.`
      : await readFile(join(directory, file), 'utf8');
  return `${name} ${version}\n\n${text.trim()}\n`;
}
