import { join } from 'node:path';
import {
  AppendOnlyStreamTarget,
  EncodedAudioPacketSource,
  type EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  FilePathSource,
  Input,
  MkvOutputFormat,
  MP4,
  Output,
} from 'mediabunny';

/**
 * `sample.mp4`: 6 s of a test picture, 320 × 180 at 15 frames/s, H.264 Constrained Baseline with a key frame every
 * second, and a 440 Hz tone in AAC-LC, 48 kHz mono.
 */
const samplePath = join(import.meta.dirname, 'sample.mp4');

export interface MkvOptions {
  /** Producer time of the first frame, epoch milliseconds; 0 for relative timecodes. */
  startMs: number;
  /** Seconds of the sample from its start. */
  seconds?: number;
  audio?: boolean;
}

/** The sample as a live Matroska stream: Segment and clusters of unknown size, a cluster for each key frame. */
export async function makeMkv({ startMs, seconds = 6, audio = false }: MkvOptions): Promise<Buffer> {
  const input = new Input({ source: new FilePathSource(samplePath), formats: [MP4] });
  try {
    const chunks: Uint8Array[] = [];
    const output = new Output({
      format: new MkvOutputFormat({ appendOnly: true, minimumClusterDuration: 0.5 }),
      target: new AppendOnlyStreamTarget(
        new WritableStream({
          write: (chunk) => {
            chunks.push(Uint8Array.from(chunk));
          },
        }),
      ),
    });
    const [videoTrack, audioTrack] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
    const [videoConfig, audioConfig] = [
      await videoTrack?.getDecoderConfig(),
      await audioTrack?.getDecoderConfig(),
    ];
    if (videoTrack === null || audioTrack === null || !videoConfig || !audioConfig)
      throw new Error('sample.mp4 has lost a track');
    const [videoSource, audioSource] = [
      new EncodedVideoPacketSource('avc'),
      new EncodedAudioPacketSource('aac'),
    ];
    output.addVideoTrack(videoSource);
    if (audio) output.addAudioTrack(audioSource);
    await output.start();

    const packets: { packet: EncodedPacket; kind: 'video' | 'audio' }[] = [];
    for await (const packet of new EncodedPacketSink(videoTrack).packets())
      packets.push({ packet, kind: 'video' });
    if (audio)
      for await (const packet of new EncodedPacketSink(audioTrack).packets())
        packets.push({ packet, kind: 'audio' });
    packets.sort((a, b) => a.packet.timestamp - b.packet.timestamp);
    for (const { packet, kind } of packets) {
      // The muxer opens a cluster with the sound that lies just before a key frame: none may follow the last frame.
      const end = seconds - (kind === 'audio' ? 0.1 : 0.01);
      if (packet.timestamp < 0 || packet.timestamp >= end) continue;
      const moved = packet.clone({ timestamp: packet.timestamp + startMs / 1000 });
      if (kind === 'video') await videoSource.add(moved, { decoderConfig: videoConfig });
      else await audioSource.add(moved, { decoderConfig: audioConfig });
    }
    await output.finalize();
    return Buffer.concat(chunks);
  } finally {
    input.dispose();
  }
}
