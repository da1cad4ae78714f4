// A folder that a person chose, with annotations in COCO's format and pictures, as a data set. Files are
// opened when they are needed; where the pictures lie is found by the names in the annotations.
import { toGroundTruth, toRecords } from '../data/annotationTable.ts';
import { memorySource } from '../data/byteSource.ts';
import { scanAnnotations } from '../data/coco.ts';
import type { PersonRecord, Size } from '../data/record.ts';
import { inputError } from '../errors.ts';
import type { CocoGroundTruth } from '../eval/groundTruth.ts';
import { pixelsPerScale } from '../pose/affine.ts';
import type { Skeleton } from '../pose/skeleton.ts';
import type { RgbImage } from '../pose/warp.ts';
import { decodePicture } from './picture.ts';

export interface FolderFile {
  /** From the chosen folder, parts joined by '/'. */
  readonly path: string;
  open(): Promise<Blob>;
}

export interface WebDataset {
  readonly name: string;
  readonly records: readonly PersonRecord[];
  /** People who are left out because their picture is not in the folder. */
  readonly withoutPicture: number;
  groundTruth(): CocoGroundTruth;
  picture(record: PersonRecord): Promise<RgbImage>;
}

export interface OpenDatasetOptions {
  readonly skeleton: Skeleton;
  readonly inputSize: Size;
  /** Decoded pictures kept in memory, bytes. */
  readonly cacheBytes?: number;
}

/** COCO's largest annotation file has 470 MB. */
const mostJsonBytes = 2 ** 30;

/** Files that may hold annotations, those of keypoints first. */
export function annotationFiles(files: readonly FolderFile[]): FolderFile[] {
  const rank = ({ path }: FolderFile) =>
    Number(!/keypoint/i.test(path)) * 2 + Number(!/(^|\/)annotations\//i.test(path));
  return files
    .filter(({ path }) => /\.json$/i.test(path))
    .sort((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
}

export async function openDataset(
  files: readonly FolderFile[],
  annotations: FolderFile,
  { skeleton, inputSize, cacheBytes = 512 * 2 ** 20 }: OpenDatasetOptions,
): Promise<WebDataset> {
  const bytes = await readJson(annotations);
  const name = annotations.path;
  const table = scanAnnotations(memorySource(name, bytes), skeleton.keypoints.length);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const folder = pictureFolder([...byPath.keys()], table.fileNames, name);
  const labelled = toRecords(table, (file) => folder + file, inputSize, pixelsPerScale);
  const records = labelled.filter(({ imageFile }) => byPath.has(imageFile));
  if (records.length === 0) {
    throw inputError(
      labelled.length > 0
        ? `${name}: ${labelled.length} people are labelled in it, but none of their pictures is in the folder (the first is '${labelled[0]!.imageFile}'). Choose the folder that holds both.`
        : `${name}: none of its ${table.ids.length} annotations is a labelled person. Choose a keypoint file such as person_keypoints_val2017.json.`,
    );
  }
  const keep = pictureCache(cacheBytes);
  return {
    name,
    records,
    withoutPicture: labelled.length - records.length,
    groundTruth: () => toGroundTruth(table),
    picture: ({ imageFile }) =>
      keep(imageFile, async () =>
        decodePicture(await byPath.get(imageFile)!.open(), { name: imageFile }),
      ),
  };
}

async function readJson(file: FolderFile): Promise<Uint8Array> {
  const blob = await file.open();
  if (blob.size <= mostJsonBytes) return new Uint8Array(await blob.arrayBuffer());
  throw inputError(
    `${file.path}: expected annotations of at most ${mostJsonBytes} bytes, got ${blob.size}. Choose a smaller file.`,
  );
}

/** What stands before the `file_name`s: the folder in which most of the pictures are. */
function pictureFolder(
  paths: readonly string[],
  fileNames: readonly string[],
  annotations: string,
): string {
  const lastPart = (path: string) => path.slice(path.lastIndexOf('/') + 1);
  const named = new Map(fileNames.map((name) => [lastPart(name), name]));
  const found = new Map<string, number>();
  for (const path of paths) {
    const name = named.get(lastPart(path));
    if (name === undefined || !`/${path}`.endsWith(`/${name}`)) continue;
    const folder = path.slice(0, path.length - name.length);
    found.set(folder, (found.get(folder) ?? 0) + 1);
  }
  // Splits that number their pictures alike are told apart by the name of the annotation file.
  const split = /(train|val|test)\w*(?=\.json$)/i.exec(annotations)?.[0] ?? '';
  const fits = (folder: string) => Number(split !== '' && folder.includes(split));
  const sorted = [...found].sort(([a, m], [b, n]) => fits(b) - fits(a) || n - m);
  return sorted[0]?.[0] ?? '';
}

/** Keeps what was decoded last, up to so many bytes. */
function pictureCache(mostBytes: number) {
  const kept = new Map<string, RgbImage>();
  let bytes = 0;
  return async (name: string, decode: () => Promise<RgbImage>): Promise<RgbImage> => {
    const image = kept.get(name) ?? (await decode());
    bytes += image.data.length - (kept.get(name)?.data.length ?? 0);
    kept.delete(name);
    kept.set(name, image);
    for (const [oldest, { data }] of kept) {
      if (bytes <= mostBytes) break;
      kept.delete(oldest);
      bytes -= data.length;
    }
    return image;
  };
}
