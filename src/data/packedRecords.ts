// Records in shared memory, so that every worker reads the same copy: 150,000 people in about 35 MB.
import type { PersonRecord } from './record.ts';

/** Plain data over shared memory for P people in I pictures. */
export interface PackedRecords {
  readonly keypointCount: number;
  /** [P, 4] center x, y, scale w, h. */
  readonly boxes: Float32Array;
  /** [P, K, 2] */
  readonly keypoints: Float32Array;
  /** [P, K] */
  readonly visible: Float32Array;
  /** [P] which picture. */
  readonly images: Int32Array;
  /** [I + 1] where the name of each picture starts in `names`. */
  readonly nameStarts: Int32Array;
  /** UTF-8. */
  readonly names: Uint8Array;
}

export function packRecords(
  records: readonly PersonRecord[],
  keypointCount: number,
): PackedRecords {
  const files = new Map<string, number>();
  const shared = (bytes: number) => new SharedArrayBuffer(bytes);
  const packed = {
    keypointCount,
    boxes: new Float32Array(shared(records.length * 16)),
    keypoints: new Float32Array(shared(records.length * keypointCount * 8)),
    visible: new Float32Array(shared(records.length * keypointCount * 4)),
    images: new Int32Array(shared(records.length * 4)),
  };
  records.forEach((record, i) => {
    packed.boxes.set([...record.center, ...record.scale], 4 * i);
    packed.keypoints.set(record.keypoints, 2 * i * keypointCount);
    packed.visible.set(record.visible, i * keypointCount);
    const image = files.get(record.imageFile) ?? files.size;
    files.set(record.imageFile, image);
    packed.images[i] = image;
  });
  return { ...packed, ...packNames([...files.keys()]) };
}

function packNames(names: readonly string[]) {
  const nameStarts = new Int32Array(new SharedArrayBuffer(4 * (names.length + 1)));
  names.forEach((name, i) => {
    nameStarts[i + 1] = nameStarts[i] + Buffer.byteLength(name);
  });
  const bytes = new Uint8Array(new SharedArrayBuffer(nameStarts[names.length]));
  bytes.set(Buffer.from(names.join('')));
  return { nameStarts, names: bytes };
}

/** One record as views of the packed ones. Score and ids stay with the caller's list. */
export function recordAt(packed: PackedRecords, index: number): PersonRecord {
  const { boxes, keypointCount: k } = packed;
  return {
    imageFile: imageName(packed, packed.images[index]),
    imageId: -1,
    annotationId: -1,
    center: [boxes[4 * index], boxes[4 * index + 1]],
    scale: [boxes[4 * index + 2], boxes[4 * index + 3]],
    keypoints: packed.keypoints.subarray(2 * k * index, 2 * k * (index + 1)),
    visible: packed.visible.subarray(k * index, k * (index + 1)),
    score: 1,
  };
}

function imageName({ names, nameStarts }: PackedRecords, image: number): string {
  const text = Buffer.from(names.buffer, names.byteOffset, names.length);
  return text.toString('utf8', nameStarts[image], nameStarts[image + 1]);
}
