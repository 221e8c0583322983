import * as z from 'zod';
import { deviceParams } from './devices.ts';
import { byteStreamSchema, defineRoute } from './route.ts';

const instantSchema = z.iso.datetime();
const timeSchema = z.iso.datetime({ offset: true });
const exampleParams = { id: 'aovis-n4k-000123' };

export const streamModes = ['live', 'replay', 'on_demand'] as const;
export type StreamMode = (typeof streamModes)[number];

export const getDeviceStream = defineRoute({
  operationId: 'getDeviceStream',
  method: 'get',
  path: '/api/devices/{id}/stream',
  summary: 'A URL to play a device’s video with HLS',
  description:
    '`live` takes no range. `replay` takes `start` and plays on from there. `on_demand` takes `start` and `end`, ' +
    'at most 24 hours apart.',
  tag: 'Video',
  auth: { device: 'viewer', capability: 'cloud_playback' },
  params: deviceParams,
  query: z.strictObject({
    mode: z.enum(streamModes).default('live'),
    start: timeSchema.optional(),
    end: timeSchema.optional(),
  }),
  example: {
    params: exampleParams,
    query: { mode: 'on_demand', start: '2026-11-20T10:00:00Z', end: '2026-11-20T10:05:00Z' },
    answer: {
      protocol: 'hls',
      url: 'https://b-12345678.kinesisvideo.us-east-1.amazonaws.com/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=CiAz…',
      expires_at: '2026-11-20T12:15:00.000Z',
    },
  },
  responses: {
    200: z.strictObject({
      protocol: z.literal('hls'),
      url: z
        .url()
        .describe('For a player of HLS. Whoever has it can watch: do not pass it on, do not log it.'),
      expires_at: instantSchema.describe('Ask for a new address then.'),
    }),
  },
  errors: ['device_not_found', 'entitlement_required', 'stream_not_available', 'invalid_range'],
});

export const getDeviceClip = defineRoute({
  operationId: 'getDeviceClip',
  method: 'get',
  path: '/api/devices/{id}/clip',
  summary: 'A range of a device’s video as an MP4 file',
  description:
    'All fragments of video that begin in the range. At most 200 fragments and 100 MB; a range that holds more is ' +
    'refused with `invalid_range`. A connection that breaks off in the middle means that the file is not whole.',
  tag: 'Video',
  auth: { device: 'viewer', capability: 'cloud_playback' },
  params: deviceParams,
  query: z.strictObject({ start: timeSchema, end: timeSchema }),
  answerHeaders: {
    'Content-Disposition': {
      description: 'A name for the file.',
      example: 'attachment; filename="aovis-n4k-000123_2026-11-20T10-00-00Z.mp4"',
    },
  },
  binaryAnswer: 'video/mp4',
  example: {
    params: exampleParams,
    query: { start: '2026-11-20T10:00:00Z', end: '2026-11-20T10:01:00Z' },
    answer: { async *[Symbol.asyncIterator]() {} },
  },
  responses: { 200: byteStreamSchema },
  errors: ['device_not_found', 'entitlement_required', 'stream_not_available', 'invalid_range'],
});

export const iceServerSchema = z.strictObject({
  urls: z.array(z.string().regex(/^(stun|stuns|turn|turns):/, 'a STUN or TURN address')).min(1),
  username: z.string().optional(),
  credential: z.string().optional(),
});

export const inviteViewer = defineRoute({
  operationId: 'inviteViewer',
  method: 'post',
  path: '/api/devices/{id}/webrtc',
  summary: 'What a WebRTC viewer needs to see a device live',
  description:
    'Open `wss_url` before `expires_at`, as it is: it is signed for `client_id` in the role of a viewer. ' +
    '`ice_servers` go into the `RTCPeerConnection` as they are. Then send an SDP offer; the device answers while it ' +
    'is online. Every viewer asks for an invitation of its own. It lets a viewer watch for an hour at most, and no longer ' +
    'than the share lasts; the device ends the session within seconds when the share is ended or the device changes ' +
    'hands. An answer with `refused` says why the device takes no further viewer: at `invitation_over` ask for a new one.',
  tag: 'Video',
  auth: { device: 'viewer', capability: 'cloud_playback' },
  params: deviceParams,
  example: {
    params: exampleParams,
    answer: {
      wss_url: 'wss://v-12345678.kinesisvideo.us-east-1.amazonaws.com/?X-Amz-Algorithm=AWS4-HMAC-SHA256&…',
      ice_servers: [
        { urls: ['stun:stun.kinesisvideo.us-east-1.amazonaws.com:443'] },
        {
          urls: ['turn:198-51-100-7.t-12345678.kinesisvideo.us-east-1.amazonaws.com:443?transport=udp'],
          username: '1763640000:djE6YXJu…',
          credential: 'c2VjcmV0…',
        },
      ],
      client_id: 'viewer-1-1763640000000-3600-7d1f0a52-1c64-4c0e-9f57-0f6a3f0d2b11',
      expires_at: '2026-11-20T12:04:59.000Z',
    },
  },
  responses: {
    200: z.strictObject({
      wss_url: z.string().regex(/^wss?:\/\//, 'the address of a WebSocket'),
      ice_servers: z.array(iceServerSchema),
      client_id: z.string().regex(/^[a-zA-Z0-9_.-]{1,256}$/, 'a client id of the signaling channel'),
      expires_at: instantSchema,
    }),
  },
  errors: ['device_not_found', 'entitlement_required'],
});

/** What a summary may find in the pictures; apps have their own words and signs for it. */
export const sceneLabels = [
  'person',
  'several_people',
  'car',
  'truck',
  'motorcycle',
  'bicycle',
  'dog',
  'cat',
  'bird',
  'other_animal',
  'package',
  'open_door',
  'smoke',
  'fire',
  'water',
  'rain',
  'snow',
  'darkness',
  'indoors',
  'outdoors',
  'no_movement',
] as const;
export type SceneLabel = (typeof sceneLabels)[number];

export const summaryLanguages = ['en', 'de', 'es', 'fr', 'it', 'nl', 'pl', 'pt', 'ja', 'ko', 'zh'] as const;
export type SummaryLanguage = (typeof summaryLanguages)[number];

export const summarySchema = z.strictObject({
  labels: z.array(z.enum(sceneLabels)).max(8),
  summary: z.string().min(1).max(600).describe('Plain text written by a model: it may be wrong.'),
  language: z.enum(summaryLanguages),
  start: instantSchema.describe('What was looked at, from here until `end`.'),
  end: instantSchema,
  images: z.int().positive(),
});
export type SceneSummary = z.infer<typeof summarySchema>;

export const summarizeDeviceVideo = defineRoute({
  operationId: 'summarizeDeviceVideo',
  method: 'post',
  path: '/api/devices/{id}/ai/summary',
  summary: 'What a device saw, in a few words',
  description:
    'A model of Amazon Bedrock looks at a few small still pictures of the range, never at the video. The range spans ' +
    'at most 5 minutes; without `start` and `end` it is the last 5. Needs the owner’s consent `ai_features`. Limited ' +
    'per user, per device and day; the answer is not kept.',
  tag: 'Video',
  auth: { device: 'owner', capability: 'cloud_playback' },
  params: deviceParams,
  body: z.strictObject({
    start: timeSchema.optional(),
    end: timeSchema.optional(),
    language: z.enum(summaryLanguages).default('en'),
  }),
  example: {
    params: exampleParams,
    body: { start: '2026-11-20T10:00:00Z', end: '2026-11-20T10:05:00Z', language: 'en' },
    answer: {
      labels: ['person', 'package', 'outdoors'],
      summary: 'A person walks up to the door, puts a package down and leaves. Nothing else moves.',
      language: 'en',
      start: '2026-11-20T10:00:00.000Z',
      end: '2026-11-20T10:05:00.000Z',
      images: 8,
    },
  },
  responses: { 200: summarySchema },
  errors: [
    'device_not_found',
    'entitlement_required',
    'consent_required',
    'feature_disabled',
    'invalid_range',
    'stream_not_available',
  ],
});
