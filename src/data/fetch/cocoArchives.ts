// The archives of COCO 2017 (spec 8) and what is in them.

export type CocoPart = 'train' | 'val' | 'annotations';

export interface Archive {
  readonly name: string;
  /** Path on the server. */
  readonly path: string;
  readonly md5: string;
  readonly bytes: number;
  /** The folder that it fills. */
  readonly folder: string;
  /** Files in that folder, and how their names end. */
  readonly files: number;
  readonly extension: '.jpg' | '.json';
  /** Bytes of those files, rounded up. */
  readonly extractedBytes: number;
}

export const cocoServer = 'http://images.cocodataset.org';

/** In the order of fetching: small ones first, so that what is wrong shows early. */
export const cocoArchives: Readonly<Record<CocoPart, Archive>> = {
  annotations: {
    name: 'annotations_trainval2017.zip',
    path: '/annotations/annotations_trainval2017.zip',
    md5: 'f4bbac642086de4f52a3fdda2de5fa2c',
    bytes: 252_907_541,
    folder: 'annotations',
    files: 6,
    extension: '.json',
    extractedBytes: 850_000_000,
  },
  val: {
    name: 'val2017.zip',
    path: '/zips/val2017.zip',
    md5: '442b8da7639aecaf257c1dceb8ba8c80',
    bytes: 815_585_330,
    folder: 'val2017',
    files: 5000,
    extension: '.jpg',
    extractedBytes: 820_000_000,
  },
  train: {
    name: 'train2017.zip',
    path: '/zips/train2017.zip',
    md5: 'cced6f7f71b7629ddf16f17bbcfab6b2',
    bytes: 19_336_861_798,
    folder: 'train2017',
    files: 118_287,
    extension: '.jpg',
    extractedBytes: 19_400_000_000,
  },
};
