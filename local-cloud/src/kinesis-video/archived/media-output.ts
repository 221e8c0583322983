import type { Fragment, FragmentMedia } from '../fragment.ts';
import { type MkvTag, writeTags } from '../mkv/mkv-header.ts';

/** A fragment as readers get it: a whole Matroska document, the service's tags before the cluster. */
export function withTags(media: FragmentMedia, tags: readonly MkvTag[]): Buffer {
  return Buffer.concat([media.header, writeTags(tags), media.cluster]);
}

/** Times in tags are epoch seconds with milliseconds. */
const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** Tags of GetMediaForFragmentList. */
export function archivedTags(fragment: Fragment): MkvTag[] {
  return [
    { name: 'AWS_KINESISVIDEO_FRAGMENT_NUMBER', value: fragment.number },
    { name: 'AWS_KINESISVIDEO_SERVER_SIDE_TIMESTAMP', value: seconds(fragment.serverMs) },
    { name: 'AWS_KINESISVIDEO_PRODUCER_SIDE_TIMESTAMP', value: seconds(fragment.producerMs) },
  ];
}

/** Tags of GetMedia. The continuation token is the fragment number. */
export function liveTags(fragment: Fragment, newest: Fragment): MkvTag[] {
  return [
    { name: 'AWS_KINESISVIDEO_CONTINUATION_TOKEN', value: fragment.number },
    {
      name: 'AWS_KINESISVIDEO_MILLIS_BEHIND_NOW',
      value: String(Math.max(0, newest.serverMs - fragment.serverMs)),
    },
    { name: 'AWS_KINESISVIDEO_FRAGMENT_NUMBER', value: fragment.number },
    { name: 'AWS_KINESISVIDEO_SERVER_TIMESTAMP', value: seconds(fragment.serverMs) },
    { name: 'AWS_KINESISVIDEO_PRODUCER_TIMESTAMP', value: seconds(fragment.producerMs) },
  ];
}
