// Raw RGB frames as a Matroska stream, which ffmpeg reads from a pipe: unlike bare pixels it carries
// the time of every frame, so that a variable frame rate goes through. Written are one track and a
// cluster for each frame (RFC 9559; EBML in RFC 8794); lengths of segment and file stay unknown.
import type { Size } from '../data/record.ts';

/** ns: times are whole microseconds. */
const timestampScale = 1000;

const ids = {
  ebml: [0x1a, 0x45, 0xdf, 0xa3],
  docType: [0x42, 0x82],
  docTypeVersion: [0x42, 0x87],
  docTypeReadVersion: [0x42, 0x85],
  segment: [0x18, 0x53, 0x80, 0x67],
  info: [0x15, 0x49, 0xa9, 0x66],
  timestampScale: [0x2a, 0xd7, 0xb1],
  muxingApp: [0x4d, 0x80],
  writingApp: [0x57, 0x41],
  tracks: [0x16, 0x54, 0xae, 0x6b],
  trackEntry: [0xae],
  trackNumber: [0xd7],
  trackUid: [0x73, 0xc5],
  trackType: [0x83],
  lacing: [0x9c],
  codecId: [0x86],
  video: [0xe0],
  pixelWidth: [0xb0],
  pixelHeight: [0xba],
  colourSpace: [0x2e, 0xb5, 0x24],
  cluster: [0x1f, 0x43, 0xb6, 0x75],
  timestamp: [0xe7],
  simpleBlock: [0xa3],
} as const;
type Id = keyof typeof ids;

/** A length in 8 bytes; undefined is "not known". */
function lengthBytes(length: number | undefined): Buffer {
  if (length === undefined) return Buffer.from([0x01, 255, 255, 255, 255, 255, 255, 255]);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length) | (1n << 56n));
  return bytes;
}

const element = (id: Id, ...content: Buffer[]) => {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from(ids[id]), lengthBytes(body.length), body]);
};

function number(id: Id, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return element(id, bytes);
}

const text = (id: Id, value: string) => element(id, Buffer.from(value, 'latin1'));

/** What comes before the first frame. */
export function matroskaHeader({ width, height }: Size): Buffer {
  const head = element(
    'ebml',
    text('docType', 'matroska'),
    number('docTypeVersion', 4),
    number('docTypeReadVersion', 2),
  );
  const info = element(
    'info',
    number('timestampScale', timestampScale),
    text('muxingApp', 'hrpose'),
    text('writingApp', 'hrpose'),
  );
  const video = element(
    'video',
    number('pixelWidth', width),
    number('pixelHeight', height),
    text('colourSpace', 'RGB\x18'),
  );
  const track = element(
    'trackEntry',
    number('trackNumber', 1),
    number('trackUid', 1),
    number('trackType', 1),
    number('lacing', 0),
    text('codecId', 'V_UNCOMPRESSED'),
    video,
  );
  const segment = Buffer.concat([Buffer.from(ids.segment), lengthBytes(undefined)]);
  return Buffer.concat([head, segment, info, element('tracks', track)]);
}

/** What comes before the pixels of a frame, of which there are `length` bytes; time in s, not negative. */
export function matroskaFrameHeader(time: number, length: number): Buffer {
  const timestamp = number('timestamp', Math.round((time * 1e9) / timestampScale));
  // Track 1, 0 after the cluster's time, a key frame.
  const block = Buffer.from([0x81, 0, 0, 0x80]);
  const blockHead = [Buffer.from(ids.simpleBlock), lengthBytes(block.length + length), block];
  const inside = Buffer.concat([timestamp, ...blockHead]);
  return Buffer.concat([Buffer.from(ids.cluster), lengthBytes(inside.length + length), inside]);
}
