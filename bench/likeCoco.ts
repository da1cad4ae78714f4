// Writes annotation files with the size and the shape of COCO's, segmentation polygons included,
// for tests and benches. Numbers are random; nothing of COCO itself is in them.
import { closeSync, openSync, writeSync } from 'node:fs';

export interface LikeCoco {
  readonly images: number;
  readonly annotations: number;
  /** How many of the annotations have keypoints. */
  readonly labelled: number;
  /** Segmentation points of an annotation, mean. */
  readonly polygonPoints: number;
}

export const COCO_TRAIN: LikeCoco = {
  images: 118_287,
  annotations: 262_465,
  labelled: 149_813,
  polygonPoints: 26,
};

/** share: part of the full counts to write. */
export function writeLikeCoco(
  file: string,
  size: LikeCoco & { readonly share: number; readonly seed: number },
): void {
  const random = xorshift(size.seed);
  const images = Math.round(size.images * size.share);
  const annotations = Math.round(size.annotations * size.share);
  const labelled = Math.round(size.labelled * size.share);
  const out = openSync(file, 'w');
  try {
    writeSync(out, '{"info": {"description": "generated"}, "licenses": [], "images": [');
    writeList(out, images, (i) => imageText(i));
    writeSync(out, '], "annotations": [');
    // Labelled people are spread evenly over the file.
    const isLabelled = (a: number) =>
      Math.floor(((a + 1) * labelled) / annotations) > Math.floor((a * labelled) / annotations);
    writeList(out, annotations, (a) =>
      annotationText(a, (a * 7919) % images, isLabelled(a), size.polygonPoints, random),
    );
    writeSync(out, '], "categories": [{"supercategory": "person", "id": 1, "name": "person"}]}');
  } finally {
    closeSync(out);
  }
}

function writeList(out: number, count: number, text: (i: number) => string): void {
  let pending = '';
  for (let i = 0; i < count; i++) {
    pending += i === 0 ? text(i) : `, ${text(i)}`;
    if (pending.length < 1 << 20 && i + 1 < count) continue;
    writeSync(out, pending);
    pending = '';
  }
}

function imageText(i: number): string {
  const name = `${String(i + 9).padStart(12, '0')}.jpg`;
  return `{"license": 3, "file_name": "${name}", "coco_url": "http://images.example.org/train2017/${name}", "height": 480, "width": 640, "date_captured": "2013-11-14 11:18:45", "flickr_url": "http://farm9.example.com/8186/8119368305_4e622c8349_z.jpg", "id": ${i + 9}}`;
}

function annotationText(
  a: number,
  image: number,
  isLabelled: boolean,
  polygonPoints: number,
  random: () => number,
): string {
  const px = (limit: number) => (random() * limit).toFixed(2);
  const polygon = Array.from({ length: polygonPoints }, () => `${px(640)}, ${px(480)}`).join(', ');
  const keypoints = Array.from({ length: 17 }, () => {
    if (!isLabelled || random() < 0.3) return '0, 0, 0';
    return `${Math.floor(random() * 640)}, ${Math.floor(random() * 480)}, ${random() < 0.8 ? 2 : 1}`;
  });
  const [x, y] = [random() * 400, random() * 240];
  const bbox = `${x.toFixed(2)}, ${y.toFixed(2)}, ${px(200)}, ${px(200)}`;
  if (isLabelled) keypoints[0] = '320, 240, 2';
  const count = keypoints.filter((text) => text !== '0, 0, 0').length;
  return `{"segmentation": [[${polygon}]], "num_keypoints": ${count}, "area": ${(1 + random() * 40000).toFixed(4)}, "iscrowd": ${!isLabelled && random() < 0.03 ? 1 : 0}, "keypoints": [${keypoints.join(', ')}], "image_id": ${image + 9}, "bbox": [${bbox}], "category_id": 1, "id": ${a + 183}}`;
}

/** Uniform numbers in [0, 1). */
function xorshift(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
