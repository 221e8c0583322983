import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StateDirectory } from './state-directory.ts';

describe('StateDirectory', () => {
  let path: string;
  beforeEach(() => {
    path = join(mkdtempSync(join(tmpdir(), 'state-')), 'cloud');
  });
  afterEach(() => rmSync(join(path, '..'), { recursive: true, force: true }));

  it('keeps its access key and its ports', () => {
    const first = StateDirectory.open(path);
    first.rememberPorts({ mqttPort: 8883 });
    const { accessKey } = first;
    expect(accessKey.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(statSync(join(path, 'instance.json')).mode & 0o777).toBe(0o600);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    first.close();
    const second = StateDirectory.open(path);
    expect(second.accessKey).toEqual(accessKey);
    expect([second.port('mqttPort'), second.port('adminPort')]).toEqual([8883, 0]);
    second.close();
    expect(readdirSync(path)).not.toContain('holder.pid');
  });

  it('is for one process at a time, and says who has it', () => {
    const first = StateDirectory.open(path);
    expect(() => StateDirectory.open(path)).toThrow(
      `The state folder ${path} is in use by another local-cloud (process ${process.pid}). Stop that one, or set LOCAL_CLOUD_DIR to another folder.`,
    );
    first.close();
    first.close();
    StateDirectory.open(path).close();
  });

  it('refuses a file it did not write, and leaves no lock behind', () => {
    StateDirectory.open(path).close();
    writeFileSync(join(path, 'instance.json'), '{"schema":9}');
    expect(() => StateDirectory.open(path)).toThrow(/is not what this version of local-cloud writes/);
    rmSync(join(path, 'instance.json'));
    StateDirectory.open(path).close();
  });
});
