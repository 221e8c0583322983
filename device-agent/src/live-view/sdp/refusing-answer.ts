import type { SessionOffer } from './session-offer.ts';

/** The answer that takes nothing of an offer: every section with port 0 (RFC 3264, section 6). */
export function refusingAnswer({ sections }: SessionOffer): string {
  const session = ['v=0', 'o=- 0 0 IN IP4 0.0.0.0', 's=-', 't=0 0'];
  const refused = sections.flatMap(({ kind, protocol, formats, mid }) => [
    `m=${kind} 0 ${protocol} ${formats.join(' ')}`,
    'c=IN IP4 0.0.0.0',
    'a=inactive',
    `a=mid:${mid}`,
  ]);
  return `${[...session, ...refused].join('\r\n')}\r\n`;
}
