/** Why a connection attempt failed or a connection ended, in the terms of what a person can do about it. */
export type FailureCode =
  | 'refused'
  | 'certificate-rejected'
  | 'certificate-expired'
  | 'clock-wrong'
  | 'server-untrusted'
  | 'captive-network'
  | 'dns'
  | 'network'
  | 'timeout'
  | 'forbidden'
  | 'taken-over'
  | 'closed'
  | 'stopped';

export interface ConnectionFailure {
  code: FailureCode;
  /** What happened and what to do. */
  sentence: string;
  /** True when waiting does not mend it: somebody must act, though the agent goes on trying. */
  needsPerson: boolean;
}

/** What a driver saw of a connection before it ended. */
export interface ConnectionEnd {
  host: string;
  port: number;
  clientId: string;
  /** First error that the driver met, if any. */
  error?: Error;
  /** The TLS handshake was complete on our side. */
  secured: boolean;
  /** The broker accepted the CONNECT. */
  accepted: boolean;
  /** Filters whose SUBSCRIBE was unanswered when the connection ended. */
  pendingFilters: readonly string[];
  /** Topics whose PUBLISH was unacknowledged when the connection ended. */
  pendingTopics: readonly string[];
  /** By the board's clock its own certificate is not valid any more. */
  certificateExpired?: boolean;
}

/**
 * What a server says of the board's certificate (RFC 8446 §6.2). Node.js's codes end in the alert's name and begin in
 * another way with each OpenSSL: `ERR_SSL_SSLV3_ALERT_…`, `ERR_SSL_TLSV1_ALERT_…`, `ERR_SSL_SSL/TLS_ALERT_…`.
 */
const alertCodes: Record<string, FailureCode> = {
  CERTIFICATE_EXPIRED: 'certificate-expired',
  CERTIFICATE_REVOKED: 'certificate-rejected',
  CERTIFICATE_UNKNOWN: 'certificate-rejected',
  BAD_CERTIFICATE: 'certificate-rejected',
  HANDSHAKE_FAILURE: 'certificate-rejected',
  UNKNOWN_CA: 'certificate-rejected',
  ACCESS_DENIED: 'certificate-rejected',
  CERTIFICATE_REQUIRED: 'certificate-rejected',
};

const errorCodes: Record<string, FailureCode> = {
  CERT_NOT_YET_VALID: 'clock-wrong',
  CERT_HAS_EXPIRED: 'clock-wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'server-untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'server-untrusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'server-untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'server-untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'server-untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'server-untrusted',
  CERT_SIGNATURE_FAILURE: 'server-untrusted',
  ERR_SSL_WRONG_VERSION_NUMBER: 'captive-network',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'captive-network',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ECONNREFUSED: 'network',
  ECONNRESET: 'network',
  EHOSTUNREACH: 'network',
  ENETUNREACH: 'network',
  ENETDOWN: 'network',
  EPIPE: 'network',
  ETIMEDOUT: 'timeout',
};

const needsPerson: ReadonlySet<FailureCode> = new Set([
  'refused',
  'certificate-rejected',
  'certificate-expired',
  'clock-wrong',
  'server-untrusted',
  'forbidden',
  'taken-over',
]);

/** The class of a connection's end, with the sentence for log and `status`. */
export function classifyEnd(end: ConnectionEnd): ConnectionFailure {
  const code = codeOf(end);
  return { code, sentence: sentenceOf(code, end), needsPerson: needsPerson.has(code) };
}

/**
 * AWS IoT Core tells an MQTT 3.1.1 client little: a certificate it does not accept and a policy that forbids the
 * CONNECT both close the socket before CONNACK, a forbidden topic closes it afterwards (IoT SDK for JavaScript v2,
 * migration guide). What was outstanding at that moment tells them apart.
 */
function codeOf(end: ConnectionEnd): FailureCode {
  const { error } = end;
  if (isConnackRefusal(error)) return 'refused';
  if (isTimeout(error)) return 'timeout';
  const known = knownCodeOf(errorCodeOf(error));
  if (end.secured && !end.accepted && (known === undefined || known === 'network'))
    return end.certificateExpired === true ? 'certificate-expired' : 'certificate-rejected';
  if (known !== undefined && !end.accepted) return known;
  if (end.pendingFilters.length > 0 || end.pendingTopics.length > 0)
    return known === undefined ? 'forbidden' : known;
  return known ?? (end.accepted ? 'closed' : 'network');
}

function knownCodeOf(code: string): FailureCode | undefined {
  const alert = /^ERR_SSL_.*_ALERT_(.+)$/.exec(code)?.[1];
  return alert === undefined ? errorCodes[code] : alertCodes[alert];
}

function errorCodeOf(error: Error | undefined): string {
  return error !== undefined && 'code' in error ? String(error.code) : '';
}

/** mqtt.js gives a refused CONNECT the CONNACK's return code, a number. */
function isConnackRefusal(error: Error | undefined): boolean {
  return error !== undefined && 'code' in error && typeof error.code === 'number';
}

function isTimeout(error: Error | undefined): boolean {
  return error?.message === 'connack timeout' || error?.message === 'Keepalive timeout';
}

function sentenceOf(code: FailureCode, end: ConnectionEnd): string {
  const where = `${end.host}:${end.port}`;
  switch (code) {
    case 'refused':
      return (
        `${where} refused the connection (${end.error?.message ?? 'no reason given'}): check that the IoT policy of ` +
        `this certificate allows iot:Connect for the client id ${end.clientId}.`
      );
    case 'certificate-rejected':
      return (
        `${where} does not accept this board's certificate or its right to connect: check that the certificate is ` +
        `registered and ACTIVE, attached to the thing ${end.clientId}, and has a policy that allows iot:Connect.`
      );
    case 'certificate-expired':
      return `${where} says that this board's certificate has expired: provision the board again.`;
    case 'clock-wrong':
      return (
        `The certificate of ${where} is not valid at the time of this board's clock: set the clock first (NTP or ` +
        '`date -u -s`); if the clock is right, the server needs a new certificate.'
      );
    case 'server-untrusted':
      return (
        `${where} shows a certificate that root-ca.pem does not vouch for (${errorCodeOf(end.error)}): check the ` +
        'endpoint in device.json, root-ca.pem, and that no proxy opens the connection on the way.'
      );
    case 'captive-network':
      return (
        `What answers at ${where} does not speak TLS: a login page of the network or a proxy may be in between. Sign in ` +
        'to the network, let the board through, or take another uplink.'
      );
    case 'dns':
      return (
        `The name ${end.host} cannot be resolved: check the uplink and its DNS; if other names can be resolved, correct ` +
        'endpoints.iot in device.json.'
      );
    case 'network':
      return (
        `${where} cannot be reached (${errorCodeOf(end.error) || 'connection closed'}): check the uplink, and ` +
        'endpoints.iot in device.json.'
      );
    case 'timeout':
      return `${where} does not answer in time: check the uplink, which is down or very slow.`;
    case 'forbidden':
      return (
        `${where} closed the connection on ${[...end.pendingFilters, ...end.pendingTopics].join(', ')}: check that ` +
        "the IoT policy allows iot:Subscribe, iot:Receive and iot:Publish on the board's own topics."
      );
    case 'taken-over':
      return (
        `${where} closes the connection again and again soon after accepting it: most likely a second client uses the ` +
        `client id ${end.clientId} (a copied bundle, an agent that still runs elsewhere). Stop it; this agent holds ` +
        'back meanwhile.'
      );
    case 'closed':
      return `${where} closed the connection; the agent connects again by itself.`;
    case 'stopped':
      return 'The agent is stopping.';
  }
}

/** The same end, seen as one of a row of take-overs. */
export function takenOver(end: ConnectionEnd): ConnectionFailure {
  return { code: 'taken-over', sentence: sentenceOf('taken-over', end), needsPerson: true };
}
