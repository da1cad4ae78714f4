// Person boxes for pictures from a COCO file: a detector's result list, or an annotation file, whose
// `images` tell which picture an id means. Read as a stream, so that the file may be of any size.
import { basename, resolve, sep } from 'node:path';
import { isWithinReach } from '../data/box.ts';
import { JsonScanner } from '../data/jsonScanner.ts';
import { openSource } from '../data/openInput.ts';
import { inputError } from '../errors.ts';
import type { PersonBox } from '../pose/estimate.ts';

const person = 1;
const openBracket = 0x5b;
const maxBoxes = 5_000_000;

/** `file_name` of COCO's images → id, looked up by the end of a path. */
export interface ImageList {
  idOf(file: string): number | undefined;
}

export interface BoxFile {
  readonly images: ImageList;
  /** People in the picture `file` that goes by `id`; undefined where it is not mentioned. */
  boxesOf(file: string, id: number | undefined): readonly PersonBox[] | undefined;
  /** People in all. */
  readonly count: number;
  /** Boxes left out because they have no size. */
  readonly empty: number;
}

/** Values by file name; a path finds the longest name that it ends with. */
class ByFileName<T> {
  readonly #values = new Map<string, T>();
  readonly #namesByBase = new Map<string, string[]>();

  get = (name: string) => this.#values.get(name);

  set(name: string, value: T): void {
    if (!this.#values.has(name)) {
      const same = this.#namesByBase.get(basename(name));
      if (same) same.push(name);
      else this.#namesByBase.set(basename(name), [name]);
    }
    this.#values.set(name, value);
  }

  find(file: string): T | undefined {
    const path = resolve(file).split(sep).join('/');
    const ends = (name: string) =>
      path === name || path.endsWith(`/${name.replace(/^(\.?\/)+/, '')}`);
    const fitting = (this.#namesByBase.get(basename(file)) ?? []).filter(ends);
    fitting.sort((a, b) => b.length - a.length);
    return fitting[0] === undefined ? undefined : this.#values.get(fitting[0]);
  }
}

/** Boxes with a score of at least `threshold`; boxes without a score have 1. */
export function readBoxFile(file: string, threshold: number): BoxFile {
  const byId = new Map<number, PersonBox[]>();
  const byName = new ByFileName<PersonBox[]>();
  const images = new ByFileName<number>();
  let count = 0;
  let empty = 0;
  const found = ({ imageId, fileName, category, crowd, box, score }: Entry) => {
    let boxes = fileName === undefined ? byId.get(imageId!) : byName.get(fileName);
    if (boxes === undefined) {
      boxes = [];
      if (fileName === undefined) byId.set(imageId!, boxes);
      else byName.set(fileName, boxes);
    }
    if (category !== person || crowd || !(score >= threshold)) return;
    if (box[2] === 0 || box[3] === 0) {
      empty++;
      return;
    }
    if (++count > maxBoxes) throw inputError(`${file}: more than ${maxBoxes} boxes. Split it.`);
    boxes.push({ box, score });
  };
  scan(file, found, (name, id) => images.set(name, id));
  return {
    images: { idOf: (path) => images.find(path) },
    boxesOf: (path, id) => byName.find(path) ?? (id === undefined ? undefined : byId.get(id)),
    count,
    empty,
  };
}

/** The `images` of a COCO annotation file. */
export function readImageList(file: string): ImageList {
  const images = new ByFileName<number>();
  scan(file, undefined, (name, id) => images.set(name, id));
  return { idOf: (path) => images.find(path) };
}

interface Entry {
  readonly imageId: number | undefined;
  readonly fileName: string | undefined;
  readonly category: number;
  readonly crowd: boolean;
  readonly box: readonly [number, number, number, number];
  readonly score: number;
}

function scan(
  file: string,
  found: ((entry: Entry) => void) | undefined,
  image: (name: string, id: number) => void,
): void {
  const scanner = new JsonScanner(openSource(file));
  const entries = () => {
    if (found === undefined) scanner.skip();
    else scanner.array((index) => found(readEntry(scanner, file, index)));
  };
  try {
    if (scanner.peek() === openBracket) entries();
    else {
      scanner.object((key) => {
        if (key === 'annotations') entries();
        else if (key === 'images') scanner.array((index) => readImage(scanner, file, index, image));
        else scanner.skip();
      });
    }
    scanner.finish();
  } finally {
    scanner.close();
  }
}

function readEntry(scanner: JsonScanner, file: string, index: number): Entry {
  const numbers: Record<string, number> = { category_id: person, iscrowd: 0, score: 1 };
  const box = new Float64Array(4);
  let fileName: string | undefined;
  let boxLength = 0;
  scanner.object((key) => {
    if (key === 'bbox') boxLength = scanner.numbers(box);
    else if (key === 'filename' || key === 'file_name') fileName = scanner.string();
    else if (/^(image_id|category_id|score|iscrowd)$/.test(key)) numbers[key] = scanner.number();
    else scanner.skip();
  });
  const fail = (what: string) =>
    inputError(`${file}: entry ${index}: ${what}. Mend the file or make it again.`);
  const { image_id: imageId, category_id: category, score, iscrowd } = numbers;
  if (boxLength !== 4 || !isWithinReach(box))
    throw fail(
      `expected four finite numbers x, y, width, height in 'bbox', of at most a million px`,
    );
  if (box[2]! < 0 || box[3]! < 0) throw fail('the box has a negative size');
  if (imageId === undefined ? fileName === undefined : !Number.isSafeInteger(imageId))
    throw fail(
      `expected a whole number in 'image_id', or a 'file_name', got ${imageId ?? 'neither'}`,
    );
  if (!Number.isFinite(score)) throw fail(`expected a finite number in 'score', got ${score}`);
  return {
    imageId,
    fileName,
    category: category!,
    crowd: iscrowd !== 0,
    box: [box[0]!, box[1]!, box[2]!, box[3]!],
    score: score!,
  };
}

function readImage(
  scanner: JsonScanner,
  file: string,
  index: number,
  image: (name: string, id: number) => void,
): void {
  let id: number | undefined;
  let name: string | undefined;
  scanner.object((key) => {
    if (key === 'id') id = scanner.number();
    else if (key === 'file_name') name = scanner.string();
    else scanner.skip();
  });
  if (id === undefined || !Number.isSafeInteger(id) || name === undefined)
    throw inputError(
      `${file}: images[${index}]: expected a whole number 'id' and a 'file_name', got ${id ?? 'no id'} and ${name ?? 'no name'}.`,
    );
  image(name, id);
}
