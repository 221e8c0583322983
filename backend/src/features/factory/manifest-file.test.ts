import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ManifestResult } from '@aovis/contracts/http/factory';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError } from '../../kernel/errors.ts';
import { importManifestFile } from './manifest-file.ts';
import type { ManifestImport } from './manifest-service.ts';

describe('a manifest file', () => {
  let folder: string;
  let carried: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'manifest-file-'));
    carried = join(folder, 'manifest.jws');
    await writeFile(carried, 'a.b.c\n');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is handed on as it was signed', async () => {
    const taken: ManifestImport[] = [];
    const result: ManifestResult = {
      manifest_id: '01JB0000000000000000000001',
      dry_run: true,
      accepted: 0,
      unchanged: 0,
      conflicts: 0,
      devices: [],
    };
    const manifests = {
      import: async (request: ManifestImport) => {
        taken.push(request);
        return result;
      },
    };
    expect(await importManifestFile(carried, { manifests, dryRun: true })).toBe(result);
    expect(taken).toEqual([{ jws: 'a.b.c', dryRun: true }]);
  });

  it('is refused with the reasons', async () => {
    const manifests = {
      import: async () => {
        throw new AppError('invalid_manifest', { details: { issues: ['devices.1: twice'] } });
      },
    };
    await expect(importManifestFile(carried, { manifests, dryRun: false })).rejects.toThrow(
      /does not fit the schema[^]*devices\.1: twice/,
    );
    await expect(importManifestFile(join(folder, 'none'), { manifests, dryRun: false })).rejects.toThrow(
      'none cannot be read',
    );
  });
});
