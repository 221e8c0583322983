import { beforeEach, describe, expect, it } from '@jest/globals';
import { writeFileAtomically } from '../host/atomic-file.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { CommandStand, type StandOptions } from './testing/command-stand.ts';

/** What never comes back: the process died there. */
const never = (): Promise<never> => new Promise(() => {});

/** The disk, until the power fails at one write: before it happens, or right after. */
function diskUntil(
  fatalWrite: number,
  when: 'before' | 'after',
  died: () => void,
): NonNullable<StandOptions['write']> {
  let writes = 0;
  return async (path, content) => {
    writes += 1;
    const fatal = writes === fatalWrite;
    if (!fatal || when === 'after') await writeFileAtomically(path, content);
    if (!fatal) return;
    died();
    await never();
  };
}

describe.each([
  // The first write is the command's id, the second its end, the third that the cloud has it.
  ['before the id is on disk', 1, 'before', 0, 'succeeded'],
  ['when the id is on disk', 1, 'after', 0, 'failed'],
  ['when it was carried out', 2, 'before', 1, 'failed'],
  ['when its end is on disk', 2, 'after', 1, 'succeeded'],
  ['when its end was told', 3, 'before', 1, 'succeeded'],
] as const)('an agent that dies %s', (_, fatalWrite, when, begun, outcome) => {
  let directory: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });

  it('executes no command twice and says what became of it', async () => {
    let executed = 0;
    const requestKeyframe = (): boolean => {
      executed += 1;
      return true;
    };
    let dead = false;
    const died = (): void => {
      dead = true;
    };
    const first = await CommandStand.start(directory, {
      requestKeyframe,
      write: diskUntil(fatalWrite, when, died),
    });
    first.connection.connect();
    const asked = first.command();
    first.deliver(asked);
    await until(() => dead);
    expect(executed).toBe(begun);

    const second = await CommandStand.start(directory, { requestKeyframe });
    second.connection.connect();
    // The broker had no acknowledgement, or the cloud published it twice.
    second.deliver(asked, asked);
    const answers = await second.untilAnswered(outcome, asked.id);
    await second.stop();
    expect(executed).toBe(outcome === 'succeeded' ? 1 : begun);
    expect(answers.at(-1)?.error?.code).toBe(outcome === 'failed' ? 'interrupted' : undefined);

    const third = await CommandStand.start(directory, { requestKeyframe });
    third.connection.connect();
    third.deliver(asked);
    await third.untilAnswered(outcome, asked.id);
    await third.stop();
    expect(executed).toBe(outcome === 'succeeded' ? 1 : begun);
  });
});

it('does not begin again what was under way', async () => {
  const directory = await temporaryDirectory();
  const sleepLong = [process.execPath, '-e', 'setTimeout(() => {}, 60_000)'] as const;
  const first = await CommandStand.start(directory, { identify: sleepLong });
  first.connection.connect();
  const asked = first.command({ type: 'identify', params: { duration_s: 60 } });
  first.deliver(asked);
  await first.untilAnswered('running');
  // SIGTERM: the program ends with the agent.
  await first.stop();
  expect(first.answers.map(({ status }) => status)).toEqual(['accepted', 'running']);

  const second = await CommandStand.start(directory, { identify: sleepLong });
  second.connection.connect();
  const answers = await second.untilAnswered('failed');
  expect(answers.at(-1)).toMatchObject({ id: asked.id, error: { code: 'interrupted' } });
  await second.stop();
});
