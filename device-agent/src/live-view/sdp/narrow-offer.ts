import type { H264Format, MediaSection, SessionOffer } from './session-offer.ts';

/**
 * The offer as if the viewer could receive nothing but the chosen format, and sent nothing: then every peer library
 * answers the same. Other media stay, inactive; data channels stay as they are.
 */
export function narrowOffer({ sdp, sections }: SessionOffer, chosen: H264Format): string {
  const head = sdp.slice(0, sdp.indexOf('m='));
  const narrowed = sections.map((section) => {
    if (section.kind !== 'audio' && section.kind !== 'video') return section.lines;
    return section.mid === chosen.mid ? onlyFormat(section, chosen.payloadType) : inactive(section);
  });
  return `${head}${narrowed.flat().join('\r\n')}\r\n`;
}

const direction = /^a=(sendrecv|sendonly|recvonly|inactive)$/;

function onlyFormat({ lines }: MediaSection, payloadType: number): string[] {
  return lines.flatMap((line, i) => {
    if (i === 0) return [line.replace(/^(m=\S+ \S+ \S+) .*$/, `$1 ${payloadType}`)];
    const format = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(line)?.[1];
    if (format !== undefined && Number(format) !== payloadType) return [];
    // What it would send is its own: sources, and layers of them.
    if (/^a=(ssrc|ssrc-group|msid|rid|simulcast):/.test(line)) return [];
    return [direction.test(line) ? 'a=recvonly' : line];
  });
}

function inactive({ lines }: MediaSection): string[] {
  return lines.map((line) => (direction.test(line) ? 'a=inactive' : line));
}
