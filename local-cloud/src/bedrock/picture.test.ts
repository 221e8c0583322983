import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readPicture } from './picture.ts';
import { jpegHead, pngHead } from './testing/pictures.ts';

it('reads the size of a JPEG behind other segments', () => {
  expect(readPicture(jpegHead(320, 180))).toEqual({ format: 'jpeg', width: 320, height: 180 });
  const progressive = Buffer.from(jpegHead(4096, 2160).toString('hex').replace('ffc0', 'ffc2'), 'hex');
  expect(readPicture(progressive)).toEqual({ format: 'jpeg', width: 4096, height: 2160 });
});

it('reads PNG, GIF and the three kinds of WebP', () => {
  expect(readPicture(pngHead(640, 360))).toEqual({ format: 'png', width: 640, height: 360 });
  const gif = Buffer.concat([Buffer.from('GIF89a'), Buffer.from([0x40, 0x01, 0xb4, 0x00])]);
  expect(readPicture(gif)).toEqual({ format: 'gif', width: 320, height: 180 });
  const webp = (kind: string, body: string): Buffer => {
    const bytes = Buffer.alloc(30);
    bytes.write('RIFF');
    bytes.write(`WEBP${kind}`, 8);
    bytes.write(body, 20, 'hex');
    return bytes;
  };
  const size = { format: 'webp', width: 320, height: 180 };
  expect(readPicture(webp('VP8 ', '0000009d012a4001b400'))).toEqual(size);
  expect(readPicture(webp('VP8L', '2f3fc12c00'))).toEqual(size);
  expect(readPicture(webp('VP8X', '000000003f0100b30000'))).toEqual(size);
});

it('never throws, whatever comes', () => {
  const starts = [jpegHead(1, 1), pngHead(1, 1), Buffer.from('RIFF    WEBPVP8 '), Buffer.alloc(0)];
  fc.assert(
    fc.property(
      fc.constantFrom(...starts),
      fc.uint8Array({ maxLength: 64 }),
      fc.nat(40),
      (head, tail, cut) => {
        readPicture(Buffer.concat([head.subarray(0, cut), tail]));
      },
    ),
  );
  expect(readPicture(Buffer.from('no picture'))).toBeUndefined();
});
