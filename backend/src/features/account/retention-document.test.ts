import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { attemptPolicies } from '../devices/attempt-limit.ts';
import { dataClasses } from './retention-classes.ts';
import { retentionDocument } from './retention-document.ts';

const keptDays = (name: string): number =>
  dataClasses.find((dataClass) => dataClass.name === name)?.keptDays ?? 0;

describe('how long data is kept', () => {
  it('is what docs/retention.md says: when this fails, put the received text there', async () => {
    const path = join(__dirname, '../../../../docs/retention.md');
    expect(retentionDocument()).toBe(await readFile(path, 'utf8'));
  });

  it('has one term for each class', () => {
    expect(new Set(dataClasses.map(({ name }) => name)).size).toBe(dataClasses.length);
  });

  it('is long enough for what looks back', () => {
    const longestWindowMs = Math.max(...Object.values(attemptPolicies).map(({ windowMs }) => windowMs));
    expect(keptDays('activation_attempts') * 86_400_000).toBeGreaterThanOrEqual(longestWindowMs);
    // Without its mark a message that comes again would collide with the event it brought the first time.
    expect(keptDays('ingested_messages')).toBeGreaterThan(keptDays('events'));
  });
});
