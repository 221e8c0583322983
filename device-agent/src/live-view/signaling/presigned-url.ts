import type { TemporaryCredentials } from '../../credentials/credential-source.ts';
import {
  algorithm,
  sha256,
  signCanonicalRequest,
  signingScope,
  signingTimestamp,
} from '../../streaming/request-signer.ts';

/** As AWS's own signer for these channels. */
const expirySeconds = 299;

export interface UrlToSign {
  /** The channel's WebSocket endpoint: `wss://m-12345678.kinesisvideo.eu-central-1.amazonaws.com`. */
  endpoint: URL;
  channelArn: string;
  region: string;
  credentials: TemporaryCredentials;
  date: Date;
}

/**
 * The address of ConnectAsMaster (Kinesis Video Streams with WebRTC Developer Guide, "ConnectAsMaster"): a GET signed in its
 * query by Signature Version 4, the session token within the signature. Whoever has it may connect: it is a secret.
 */
export function signMasterUrl({ endpoint, channelArn, region, credentials, date }: UrlToSign): URL {
  const timestamp = signingTimestamp(date);
  const query: Record<string, string> = {
    'X-Amz-Algorithm': algorithm,
    'X-Amz-ChannelARN': channelArn,
    'X-Amz-Credential': `${credentials.accessKeyId}/${signingScope(timestamp, region).join('/')}`,
    'X-Amz-Date': timestamp,
    'X-Amz-Expires': String(expirySeconds),
    'X-Amz-Security-Token': credentials.sessionToken,
    'X-Amz-SignedHeaders': 'host',
  };
  const canonicalQuery = Object.entries(query)
    .map(([name, value]) => `${name}=${uriEncode(value)}`)
    .join('&');
  const canonicalRequest = ['GET', '/', canonicalQuery, `host:${endpoint.host}\n`, 'host', sha256('')].join(
    '\n',
  );
  const { signature } = signCanonicalRequest({ canonicalRequest, timestamp, region, credentials });
  return new URL(`${endpoint.protocol}//${endpoint.host}/?${canonicalQuery}&X-Amz-Signature=${signature}`);
}

/** All but the unreserved characters of RFC 3986 (IAM User Guide, "UriEncode"). */
function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
