import { expect, it } from '@jest/globals';
import { parseJobWords } from './job-words.ts';

const deviceId = 'aovis-n4k-000002';

it.each([
  [['N4K-000002', 'reboot'], { deviceId, operation: 'reboot' }],
  [['aovis-n4k-000002', 'rotate-certificate'], { deviceId, operation: 'rotate-certificate' }],
  [['n4k-000002', 'upload-logs'], { deviceId, operation: 'upload-logs' }],
  [[deviceId, 'update-agent'], { deviceId, operation: 'update-agent' }],
  [[deviceId, 'update-agent', '1.2.3'], { deviceId, operation: 'update-agent', version: '1.2.3' }],
  [['list'], 'list'],
])('%j is understood', (words, wish) => {
  expect(parseJobWords(words)).toEqual(wish);
});

it('goes on with a job that does not need this command meanwhile, and with no other', () => {
  expect(parseJobWords([deviceId, 'rotate-certificate'], 'job-1')).toMatchObject({ jobId: 'job-1' });
  expect(() => parseJobWords([deviceId, 'upload-logs'], 'job-1')).toThrow('Say which board shall do what');
});

it.each([
  [[]],
  [[deviceId]],
  [[deviceId, 'dance']],
  [[deviceId, 'reboot', 'now']],
  [[deviceId, 'update-agent', 'newest']],
  [[deviceId, 'update-agent', '1.2.3', 'more']],
])('%j is answered with the usage', (words) => {
  expect(() => parseJobWords(words)).toThrow('npm run job -- <board> update-agent [<version>]');
});

it('says what is no board', () => {
  expect(() => parseJobWords(['door', 'reboot'])).toThrow('«door» is no serial and no device id.');
});
