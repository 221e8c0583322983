/** Payload-specific feedback (RFC 4585, section 6.1). */
const payloadSpecificFeedback = 206;
const pictureLossIndication = 1;
/** RFC 5104, section 4.3.1. */
const fullIntraRequest = 4;
const headerBytes = 4;

/**
 * Whether a compound RTCP packet (RFC 3550, section 6.1) asks for a keyframe: by a Picture Loss Indication or a Full Intra
 * Request. What is no RTCP asks for nothing.
 */
export function asksForKeyframe(rtcp: Buffer): boolean {
  for (let at = 0; at + headerBytes <= rtcp.length; ) {
    const first = rtcp.readUInt8(at);
    if (first >> 6 !== 2) return false;
    const format = first & 0x1f;
    const isFeedback = rtcp.readUInt8(at + 1) === payloadSpecificFeedback;
    if (isFeedback && (format === pictureLossIndication || format === fullIntraRequest)) return true;
    at += headerBytes + 4 * rtcp.readUInt16BE(at + 2);
  }
  return false;
}
