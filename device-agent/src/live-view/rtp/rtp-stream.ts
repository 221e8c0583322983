/** RFC 3550, section 5.1, without extension and contributing sources. */
const headerBytes = 12;
const version2 = 0x80;
const marker = 0x80;

export interface RtpStreamOptions {
  ssrc: number;
  payloadType: number;
  /** Where the sequence begins, 0 to 65 535; not to be guessed (RFC 3550, section 5.1). */
  firstSequenceNumber: number;
}

/** The RTP packets of one video stream to one viewer: numbers them and puts their headers before them. */
export class RtpStream {
  readonly #options: RtpStreamOptions;
  #sequenceNumber: number;

  constructor(options: RtpStreamOptions) {
    this.#options = options;
    this.#sequenceNumber = options.firstSequenceNumber;
  }

  /** One picture: the same time for all its packets, the marker on the last. `timestamp` is of 90 kHz, 32 bits. */
  packets(payloads: readonly Buffer[], timestamp: number): Buffer[] {
    return payloads.map((payload, i) => this.#packet(payload, timestamp, i === payloads.length - 1));
  }

  #packet(payload: Buffer, timestamp: number, last: boolean): Buffer {
    const packet = Buffer.allocUnsafe(headerBytes + payload.length);
    packet[0] = version2;
    packet[1] = (last ? marker : 0) | this.#options.payloadType;
    packet.writeUInt16BE(this.#sequenceNumber, 2);
    packet.writeUInt32BE(timestamp, 4);
    packet.writeUInt32BE(this.#options.ssrc, 8);
    payload.copy(packet, headerBytes);
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    return packet;
  }
}
