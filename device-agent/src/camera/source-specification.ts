/** Where pictures come from, as read from the setting. */
export type SourceSpecification =
  | { kind: 'clip' }
  | { kind: 'testsrc' }
  | { kind: 'file'; path: string }
  | { kind: 'v4l2'; device: string }
  | { kind: 'v4l2-raw'; device: string }
  | { kind: 'rpicam'; camera: number }
  | { kind: 'rtsp'; url: string };

/** The forms that the setting takes, for help texts and refusals. */
export const sourceForms =
  'clip, testsrc, file:PATH, v4l2:/dev/videoN (a camera that encodes H.264), v4l2-raw:/dev/videoN (ffmpeg encodes), rpicam or rpicam:N (Raspberry Pi camera) or rtsp://HOST/PATH';

/** Reads the camera source setting. Throws an Error whose message is a sentence that says what to write instead. */
export function parseSourceSpecification(text: string): SourceSpecification {
  if (text === 'clip' || text === 'testsrc') return { kind: text };
  const camera = /^rpicam(?::(\d))?$/.exec(text);
  if (camera !== null) return { kind: 'rpicam', camera: Number(camera[1] ?? 0) };
  if (/^rtsps?:\/\//.test(text)) return { kind: 'rtsp', url: readRtspUrl(text) };
  const [, kind, path] = /^(file|v4l2|v4l2-raw):(.*)$/s.exec(text) ?? [];
  if (kind === undefined || path === undefined)
    throw new Error(`"${withoutPasswords(text)}" is no camera source; use ${sourceForms}.`);
  if (path === '' || path.includes('\0'))
    throw new Error(`The camera source ${kind}: names no path; write ${kind}:/path.`);
  if (kind === 'file') return { kind, path };
  if (!/^\/dev\/[\w/.-]+$/.test(path))
    throw new Error(`"${path}" is no video device; write ${kind}:/dev/video0 or /dev/v4l/by-id/….`);
  return kind === 'v4l2' ? { kind, device: path } : { kind: 'v4l2-raw', device: path };
}

function readRtspUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '')
    throw new Error(`"${withoutPasswords(text)}" is no RTSP address; write rtsp://HOST[:PORT]/PATH.`);
  return text;
}

/** How a source is called in logs, `status` and the shadow. */
export function sourceName(specification: SourceSpecification): string {
  switch (specification.kind) {
    case 'clip':
    case 'testsrc':
      return specification.kind;
    case 'file':
      return `file:${specification.path}`;
    case 'v4l2':
    case 'v4l2-raw':
      return `${specification.kind}:${specification.device}`;
    case 'rpicam':
      return specification.camera === 0 ? 'rpicam' : `rpicam:${specification.camera}`;
    case 'rtsp':
      return withoutPasswords(specification.url);
  }
}

/** `rtsp://user:secret@host/` → `rtsp://host/`, anywhere in a text. */
export function withoutPasswords(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^/\s"']*@/gi, '$1');
}
