/** A thing QA does to the stand-ins, as a command that can be pasted into a terminal. */
export interface Recipe {
  title: string;
  command: string;
}

type Fault = { service: string; operation?: string; subject?: string; effect: object; times?: number };

/**
 * The faults that are wanted most, ready to paste; `adminUrl` is where the admin surface listens. Without an MQTT client
 * id or a stream name of the caller's, the commands hold a word in its place.
 */
export function recipes(adminUrl: string, board = 'BOARD', stream = 'STREAM'): Recipe[] {
  const send = (method: string, path: string, body?: unknown): string =>
    `curl -X ${method} ${adminUrl}${path}${body === undefined ? '' : ` -H 'content-type: application/json' -d '${JSON.stringify(body)}'`}`;
  const fault = (title: string, rule: Fault): Recipe => ({
    title,
    command: send('POST', '/_local/faults', rule),
  });
  return [
    fault('The next CreateThing is throttled', {
      service: 'iot-core',
      operation: 'CreateThing',
      effect: { kind: 'error', status: 400, code: 'ThrottlingException', message: 'Rate exceeded' },
      times: 1,
    }),
    fault('The next RegisterCertificate is carried out, its answer is lost', {
      service: 'iot-core',
      operation: 'RegisterCertificate',
      effect: { kind: 'lose-answer' },
      times: 1,
    }),
    fault('A board’s messages are neither routed nor acknowledged', {
      service: 'iot-broker',
      operation: 'Publish',
      subject: board,
      effect: { kind: 'drop' },
    }),
    fault('What is sent to a board comes 5 s late', {
      service: 'iot-broker',
      operation: 'Deliver',
      subject: board,
      effect: { kind: 'delay', ms: 5000 },
    }),
    {
      title: 'A board’s MQTT connection ends; it may come back',
      command: send('POST', `/_local/mqtt/connections/${board}/kick`),
    },
    fault('Credentials are denied', {
      service: 'credential-provider',
      effect: { kind: 'custom', name: 'deny' },
    }),
    {
      title: 'All temporary credentials end now',
      command: send('POST', '/_local/credentials/expire'),
    },
    fault('PutMedia is refused', {
      service: 'kinesis-video',
      operation: 'PutMedia',
      subject: stream,
      effect: { kind: 'error', status: 400, code: 'ClientLimitExceededException' },
    }),
    fault('The next PutMedia connection is cut after three fragments', {
      service: 'kinesis-video',
      operation: 'PutMediaSession',
      subject: stream,
      effect: { kind: 'custom', name: 'cut-media', value: { afterFragments: 3 } },
      times: 1,
    }),
    fault('The next fragment gets ERROR 4002 (MAX_FRAGMENT_DURATION_REACHED)', {
      service: 'kinesis-video',
      operation: 'PutMediaFragment',
      subject: stream,
      effect: { kind: 'custom', name: 'error-ack', value: { errorId: 4002 } },
      times: 1,
    }),
    fault('Playlists fail in players', {
      service: 'kinesis-video',
      operation: 'GetHLSMediaPlaylist',
      effect: { kind: 'error', status: 500, code: 'InternalFailureException' },
      times: 3,
    }),
    fault('The next live view is asked to leave its signaling channel', {
      service: 'kinesis-signaling',
      operation: 'SignalingSession',
      effect: { kind: 'custom', name: 'go-away', value: { graceMs: 5000 } },
      times: 1,
    }),
    fault('The model is throttled twice', {
      service: 'bedrock',
      operation: 'Converse',
      effect: { kind: 'error', status: 429, code: 'ThrottlingException', message: 'Too many requests' },
      times: 2,
    }),
    fault('The next answer of the model is no JSON', {
      service: 'bedrock',
      operation: 'ConverseAnswer',
      effect: { kind: 'custom', name: 'malformed-answer', value: { kind: 'prose' } },
      times: 1,
    }),
    fault('The next mail is refused', {
      service: 'mail',
      operation: 'Data',
      effect: { kind: 'error', status: 451, code: '4.3.0', message: 'try again later' },
      times: 1,
    }),
    {
      title: 'The last five board messages reach the backend once more',
      command: send('POST', '/_local/event-forwarder/replay', { count: 5 }),
    },
    {
      title: 'The clock of the stand-ins is an hour ahead',
      command: send('PUT', '/_local/clock', { offsetMs: 3_600_000 }),
    },
    { title: 'Throttles are off', command: send('PUT', '/_local/throttling', { enabled: false }) },
    { title: 'No fault any more', command: send('DELETE', '/_local/faults') },
  ];
}
