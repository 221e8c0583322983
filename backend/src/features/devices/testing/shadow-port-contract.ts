import { expect, it } from '@jest/globals';
import type { ShadowPort, ShadowSection } from '../shadow-port.ts';

export interface ShadowPortStand {
  shadows: ShadowPort;
  newThing: () => string;
  /** What the board does: reports into a shadow. */
  report: (thing: string, shadowName: string | undefined, reported: ShadowSection) => Promise<void>;
}

/** What every way to the shadows must do; run on the fake and on the adapter against local-cloud. */
export function shadowPortContract(stand: () => ShadowPortStand): void {
  const desired = { stream: { enabled: false } };

  it('finds none before the first word', async () => {
    const { shadows, newThing } = stand();
    const thing = newThing();
    expect(await shadows.find(thing, undefined)).toBeUndefined();
    expect(await shadows.find(thing, 'config')).toBeUndefined();
  });

  it('shows what was reported, and since when', async () => {
    const { shadows, newThing, report } = stand();
    const thing = newThing();
    await report(thing, undefined, { agent: { version: '1' } });
    const shadow = await shadows.find(thing, undefined);
    expect(shadow).toMatchObject({
      reported: { agent: { version: '1' } },
      desired: {},
      delta: {},
      version: 1,
    });
    expect(Math.abs((shadow?.reportedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('takes a wish at the version that was read only', async () => {
    const { shadows, newThing } = stand();
    const thing = newThing();
    await shadows.mergeDesired(thing, { shadowName: 'config', desired, expectedVersion: 0 });
    expect(await shadows.find(thing, 'config')).toMatchObject({ desired, delta: desired, version: 1 });
    const stale = shadows.mergeDesired(thing, { shadowName: 'config', desired, expectedVersion: 7 });
    await expect(stale).rejects.toMatchObject({ code: 'shadow_version_conflict' });
    await shadows.mergeDesired(thing, {
      shadowName: 'config',
      desired: { log_level: 'warn' },
      expectedVersion: 1,
    });
    expect(await shadows.find(thing, 'config')).toMatchObject({
      desired: { ...desired, log_level: 'warn' },
      version: 2,
    });
  });

  it('keeps the shadows of a thing apart, and forgets them', async () => {
    const { shadows, newThing, report } = stand();
    const thing = newThing();
    await report(thing, undefined, { agent: { version: '1' } });
    await report(thing, 'config', { log_level: 'info' });
    await shadows.clear(thing, 'config');
    expect(await shadows.find(thing, 'config')).toBeUndefined();
    expect(await shadows.find(thing, undefined)).toBeDefined();
    await shadows.clear(thing, undefined);
    await shadows.clear(thing, undefined);
    expect(await shadows.find(thing, undefined)).toBeUndefined();
  });
}
