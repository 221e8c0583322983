import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppSessions } from './app-sessions.ts';

describe('sign-ins kept between commands', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'app-sessions-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('are found again by their address, in a file for the owner only', () => {
    const file = join(folder, 'secrets', 'app-sessions.json');
    new AppSessions(file).keep('anna@example.com', 'first');
    new AppSessions(file).keep('anna@example.com', 'second');
    new AppSessions(file).keep('ben@example.com', 'his');
    expect(new AppSessions(file).find('anna@example.com')).toBe('second');
    expect(new AppSessions(file).find('ben@example.com')).toBe('his');
    expect(new AppSessions(file).find('eve@example.com')).toBeUndefined();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('are forgotten when their file cannot be read', () => {
    const file = join(folder, 'app-sessions.json');
    writeFileSync(file, '{"anna');
    expect(new AppSessions(file).find('anna@example.com')).toBeUndefined();
  });
});
