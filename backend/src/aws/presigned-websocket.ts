import { SignatureV4 } from '@smithy/signature-v4';

/** Whose signature it is, and where it counts. */
export type WebSocketSigner = Omit<ConstructorParameters<typeof SignatureV4>[0], 'service'>;

/** What AWS's own client asks for; the service takes no URL that lasts longer. */
export const presignedSeconds = 299;

/**
 * The address of a signaling channel with its authorization in the query: Signature Version 4 of `GET /` with the
 * query as given, the host as the only header and the hash of an empty body (Kinesis Video Streams WebRTC Developer
 * Guide, "Using the Kinesis Video Streams WebRTC API", ConnectAsViewer; awslabs' SigV4RequestSigner).
 */
export async function presignWebSocket(
  endpoint: string,
  query: Readonly<Record<string, string>>,
  at: Date,
  signer: WebSocketSigner,
): Promise<string> {
  const { protocol, host, hostname } = new URL(endpoint);
  if (protocol !== 'wss:' && protocol !== 'ws:')
    throw new Error(`the endpoint of a signaling channel begins with ${protocol} instead of wss:`);
  const signed = await new SignatureV4({ ...signer, service: 'kinesisvideo' }).presign(
    { method: 'GET', protocol, hostname, path: '/', query: { ...query }, headers: { host } },
    { signingDate: at, expiresIn: presignedSeconds },
  );
  const parameters = Object.entries(signed.query ?? {}).map(
    ([name, value]) => `${encode(name)}=${encode(String(value))}`,
  );
  return `${protocol}//${host}/?${parameters.sort().join('&')}`;
}

/** As Signature Version 4 encodes (RFC 3986): more than encodeURIComponent does. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
