import { networkInterfaces } from 'node:os';

export interface NetworkFacts {
  kind: 'cellular' | 'ethernet' | 'wifi' | 'unknown';
  ip_kind?: 'ipv4' | 'ipv6' | 'dual';
}

/** Names that Linux gives to interfaces (systemd.net-naming-scheme(7)) and modem drivers. */
const kinds: [RegExp, NetworkFacts['kind']][] = [
  [/^(ww|ppp|rmnet|usb)/, 'cellular'],
  [/^wl/, 'wifi'],
  [/^(en|eth)/, 'ethernet'],
];

/** The first interface that has an address of its own. */
export function readNetworkFacts(interfaces = networkInterfaces()): NetworkFacts {
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    const families = new Set(addresses.filter(({ internal }) => !internal).map(({ family }) => family));
    if (families.size === 0) continue;
    const kind = kinds.find(([pattern]) => pattern.test(name))?.[1] ?? 'unknown';
    const both = families.has('IPv4') && families.has('IPv6');
    return { kind, ip_kind: both ? 'dual' : families.has('IPv4') ? 'ipv4' : 'ipv6' };
  }
  return { kind: 'unknown' };
}
