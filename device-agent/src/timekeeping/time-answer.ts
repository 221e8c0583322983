import { X509Certificate } from 'node:crypto';
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { Clock } from '../host/clock.ts';
import type { Bundle, CertificateChain } from '../identity/bundle.ts';
import { parseHostPort } from '../identity/host-port.ts';
import { chainToRoot } from './certificate-chain.ts';

/** An answer that came so late may be as much too early: whoever is on the way can hold it back. */
const timeoutMs = 10_000;
/** `Date` has whole seconds (RFC 9110 §5.6.7): on average half of one has passed. */
const halfOfResolutionMs = 500;

/** What a host that was authenticated by the bundle's root says of the time. */
export interface TimeAnswer {
  /** `host:port`, for sentences. */
  from: string;
  /** Milliseconds since the epoch, at `receivedAt`. */
  time: number;
  /** When it came, by the monotonic clock. */
  receivedAt: number;
  /** While all of its certificates are valid, milliseconds since the epoch. */
  notBefore: number;
  notAfter: number;
}

/** The time could not be asked for. The message is the end of a sentence that begins with the host. */
export class TimeUnknown extends Error {
  override readonly name = 'TimeUnknown';
}

export type AskTheTime = (signal?: AbortSignal) => Promise<TimeAnswer>;

type Asked = Pick<Bundle, 'descriptor' | 'certificate' | 'privateKey' | 'rootCa'>;

/**
 * Asks the credential provider of the bundle for the time: HTTP `Date` over TLS whose chain is verified by our own code up to the
 * bundle's root, but for its dates, which no clock that is wrong can judge. Rejects with {@link TimeUnknown}. ADR 0033 has
 * what this keeps off and what not.
 */
export async function askTheTime(
  bundle: Asked,
  clock: Pick<Clock, 'monotonic'>,
  signal?: AbortSignal,
): Promise<TimeAnswer> {
  const { host, port } = parseHostPort(bundle.descriptor.endpoints.credentials, 443);
  const from = `${host}:${port}`;
  try {
    const { date, chain } = await ask(bundle, host, port, signal);
    const told = Date.parse(date ?? '');
    if (Number.isNaN(told)) throw new TimeUnknown('it does not say');
    return {
      from,
      time: told + halfOfResolutionMs,
      receivedAt: clock.monotonic(),
      notBefore: Math.max(...chain.map(({ validFrom }) => Date.parse(validFrom))),
      notAfter: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TimeUnknown(`${from} cannot be asked for the time (${reason})`, { cause });
  }
}

interface HttpAnswer {
  date: string | undefined;
  chain: CertificateChain;
}

function ask(bundle: Asked, host: string, port: number, signal?: AbortSignal): Promise<HttpAnswer> {
  const roots = certificatesIn(bundle.rootCa);
  return new Promise((resolve, reject) => {
    let chain: CertificateChain | undefined;
    const sent = request({
      agent: new Agent({ keepAlive: false, maxCachedSessions: 0 }),
      host,
      port,
      path: '/',
      headers: { accept: '*/*' },
      cert: bundle.certificate,
      key: bundle.privateKey,
      ca: bundle.rootCa,
      minVersion: 'TLSv1.2',
      // OpenSSL would judge by the clock that is in doubt: the chain is verified below, before anything is sent.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    const timer = setTimeout(() => sent.destroy(new Error('no answer in time')), timeoutMs);
    sent.once('close', () => clearTimeout(timer));
    sent.on('error', reject);
    sent.once('socket', (socket) => {
      socket.once('secureConnect', () => {
        try {
          chain = chainToRoot(presentedBy(socket as TLSSocket), roots, host);
          sent.end();
        } catch (error) {
          sent.destroy(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    sent.once('response', (response) => {
      // Of the answer only its head is wanted.
      response.on('error', () => {});
      if (chain !== undefined) resolve({ date: response.headers.date, chain });
      response.destroy();
    });
  });
}

/** What the server showed, leaf first. */
function presentedBy(socket: TLSSocket): CertificateChain {
  const certificates: X509Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && !certificates.some(({ raw }) => raw.equals(next?.raw ?? raw))) {
    certificates.push(new X509Certificate(next.raw));
    next = next.issuerCertificate;
  }
  const [leaf, ...others] = certificates;
  if (leaf === undefined) throw new Error('it shows no certificate');
  return [leaf, ...others];
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
