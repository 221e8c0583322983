import type { SourceSpecification } from './source-specification.ts';

/** Where sound comes from: nowhere, from the camera source itself, or from a sound card. */
export type SoundSpecification = { kind: 'none' } | { kind: 'source' } | { kind: 'alsa'; device: string };

export const soundForms = 'none, source (what the camera source brings) or alsa:DEVICE (such as alsa:hw:1)';

/** Reads the setting. Throws an Error whose message is a sentence that says what to write instead. */
export function parseSoundSpecification(text: string): SoundSpecification {
  if (text === 'none' || text === 'source') return { kind: text };
  const device = /^alsa:([\w:,.=-]+)$/.exec(text)?.[1];
  if (device === undefined) throw new Error(`«${text}» is no source of sound; use ${soundForms}.`);
  return { kind: 'alsa', device };
}

/** Why this camera source cannot have that sound, and what to do; undefined when it can. */
export function refuseSound(source: SourceSpecification, sound: SoundSpecification): string | undefined {
  if (sound.kind === 'none') return undefined;
  switch (source.kind) {
    case 'clip':
    case 'rpicam':
      return `the source ${source.kind} takes no sound: use none, or a source that ffmpeg captures.`;
    case 'v4l2':
    case 'v4l2-raw':
      return sound.kind === 'alsa'
        ? undefined
        : `the source ${source.kind} has no sound of its own: name the sound card, alsa:DEVICE (arecord -L lists them).`;
    case 'file':
      if (/\.(h264|264)$/i.test(source.path)) return 'a file of bare H.264 has no sound: use none.';
      return undefined;
    case 'testsrc':
    case 'rtsp':
      return undefined;
  }
}
