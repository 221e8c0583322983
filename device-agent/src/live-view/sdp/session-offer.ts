/** What a viewer offers to receive, as far as it matters (RFC 8866, RFC 8829). */
export interface SessionOffer {
  sdp: string;
  sections: readonly MediaSection[];
}

export interface MediaSection {
  kind: string;
  protocol: string;
  formats: readonly string[];
  mid: string;
  /** The section's lines, its `m=` first, without line ends. */
  lines: readonly string[];
}

/** One way to receive H.264 in packetization mode 1. */
export interface H264Format {
  mid: string;
  payloadType: number;
  /** Six hexadecimal digits: profile_idc, constraint flags, level_idc (RFC 6184, section 8.1). */
  profileLevelId: string;
}

/** Undefined for what is no session description, or one with a section that has no `mid`. */
export function readOffer(sdp: string): SessionOffer | undefined {
  const lines = sdp.split(/\r?\n/).filter((line) => line !== '');
  if (lines[0] !== 'v=0') return undefined;
  const sections: MediaSection[] = [];
  for (const [at, line] of lines.entries()) {
    if (!line.startsWith('m=')) continue;
    const end = lines.findIndex((other, i) => i > at && other.startsWith('m='));
    const section = readSection(lines.slice(at, end === -1 ? undefined : end));
    if (section === undefined) return undefined;
    sections.push(section);
  }
  return sections.length === 0 ? undefined : { sdp: `${lines.join('\r\n')}\r\n`, sections };
}

function readSection(lines: readonly string[]): MediaSection | undefined {
  const [, kind, , protocol, formats] = /^m=(\S+) (\d+)\S* (\S+) (.+)$/.exec(lines[0] ?? '') ?? [];
  const mid = attribute(lines, 'mid');
  if (kind === undefined || protocol === undefined || formats === undefined || mid === undefined)
    return undefined;
  return { kind, protocol, formats: formats.trim().split(' '), mid, lines };
}

/**
 * How the viewer can receive this camera: a format of the camera's own profile before Constrained Baseline, which every
 * browser has, before any other. Undefined when it offers to receive no H.264 in packetization mode 1.
 */
export function chooseH264({ sections }: SessionOffer, cameraProfile?: string): H264Format | undefined {
  const formats = sections.filter(receivesVideo).flatMap(h264Formats);
  const ofProfile = (profile: string): H264Format | undefined =>
    formats.find(({ profileLevelId }) => profileLevelId.startsWith(profile));
  return (cameraProfile && ofProfile(cameraProfile)) || ofProfile('42e0') || formats[0];
}

function receivesVideo({ kind, lines }: MediaSection): boolean {
  return kind === 'video' && lines.every((line) => line !== 'a=inactive' && line !== 'a=sendonly');
}

function h264Formats({ mid, lines, formats }: MediaSection): H264Format[] {
  return formats.flatMap((format) => {
    const isH264 = /^H264\/90000$/i.test(attribute(lines, `rtpmap:${format} `) ?? '');
    const parameters = attribute(lines, `fmtp:${format} `) ?? '';
    if (!isH264 || !/(^|[; ])packetization-mode=1(;|$)/.test(parameters)) return [];
    const profile = /profile-level-id=([0-9a-f]{6})/i.exec(parameters)?.[1] ?? '42e01f';
    return [{ mid, payloadType: Number(format), profileLevelId: profile.toLowerCase() }];
  });
}

/** The value after `a=name:` or, for a name that ends in a blank, after that. */
function attribute(lines: readonly string[], name: string): string | undefined {
  const prefix = name.endsWith(' ') ? `a=${name}` : `a=${name}:`;
  return lines
    .find((line) => line.startsWith(prefix))
    ?.slice(prefix.length)
    .trim();
}
