import { describe, expect, it } from '@jest/globals';
import { type CrashFacts, crashFilesVerdict, readCrashFacts } from './crash-files-check.ts';

const careless: CrashFacts = { coreFilter: 0x33, corePattern: 'core', coreLimit: 'unlimited' };

describe('crash files', () => {
  it.each<[string, Partial<CrashFacts>]>([
    ['hold no memory of this program', { coreFilter: 0 }],
    ['hold no memory of this program', { coreFilter: 0, corePattern: '|/usr/share/apport/apport %p' }],
    ['none are written', { coreLimit: 0 }],
    ['none are written', { corePattern: '' }],
    // As on macOS.
    ['none are written', { coreFilter: undefined, corePattern: undefined, coreLimit: 0 }],
  ])('are harmless: %s', (sentence, facts) => {
    expect(crashFilesVerdict({ ...careless, ...facts })).toContain(sentence);
  });

  it.each<[string, Partial<CrashFacts>]>([
    ['ulimit -c 0', {}],
    ['ulimit -c 0', { coreLimit: 1_024 }],
    ['ulimit -c 0', { coreFilter: undefined, corePattern: undefined }],
    // The limit counts for nothing there.
    [
      '/usr/lib/systemd/systemd-coredump takes in',
      { corePattern: '|/usr/lib/systemd/systemd-coredump %P', coreLimit: 0 },
    ],
  ])('are warned of: %s', (sentence, facts) => {
    expect(() => crashFilesVerdict({ ...careless, ...facts })).toThrow(sentence);
  });

  it('are judged by what this system says', () => {
    const facts = readCrashFacts();
    expect(facts.coreLimit).toBeDefined();
    if (process.platform === 'linux') expect(facts.corePattern).toBeDefined();
  });
});
