// Values of an annotation file as they are, right or wrong: a checker has to go on after a string
// where a number belongs. Only a file whose JSON itself is broken ends in an error.
import type { JsonScanner } from '../jsonScanner.ts';

/** A number, a text, a flat list in which everything but numbers became NaN, or null for the rest. */
export type Loose = number | string | Float64Array | null;

/** Lists longer than this are no keypoints or boxes; what follows is counted, not kept. */
const maxListLength = 4096;

const quote = 0x22;
const bracket = 0x5b;
const brace = 0x7b;
const letterN = 0x6e;

export function readLoose(scanner: JsonScanner): Loose {
  switch (scanner.peek()) {
    case quote:
      return scanner.string();
    case bracket:
      return readList(scanner);
    case brace:
    case letterN:
      scanner.skip();
      return null;
    default:
      return scanner.number();
  }
}

function readList(scanner: JsonScanner): Float64Array {
  const values: number[] = [];
  scanner.array(() => {
    const value = isNested(scanner.peek()) ? skipped(scanner) : readLoose(scanner);
    if (values.length < maxListLength) values.push(typeof value === 'number' ? value : Number.NaN);
  });
  return Float64Array.from(values);
}

const isNested = (first: number) => first === bracket || first === brace;

function skipped(scanner: JsonScanner): null {
  scanner.skip();
  return null;
}

/** The wanted members of the object that comes next. */
export function readMembers<Key extends string>(
  scanner: JsonScanner,
  wanted: ReadonlySet<Key>,
): Partial<Record<Key, Loose>> {
  const members: Partial<Record<Key, Loose>> = {};
  if (scanner.peek() !== brace) {
    scanner.skip();
    return members;
  }
  scanner.object((key) => {
    if (wanted.has(key as Key)) members[key as Key] = readLoose(scanner);
    else scanner.skip();
  });
  return members;
}

/** Calls `element` for each element if a list comes next; anything else is passed over. */
export function eachElement(scanner: JsonScanner, element: (index: number) => void): boolean {
  const isList = scanner.peek() === bracket;
  if (isList) scanner.array(element);
  else scanner.skip();
  return isList;
}

export const wholeNumber = (value: Loose | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;

export const finiteNumber = (value: Loose | undefined): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** Four finite numbers with width and height that are not negative. */
export function usableBox(
  value: Loose | undefined,
): readonly [number, number, number, number] | undefined {
  if (!(value instanceof Float64Array) || value.length !== 4 || !value.every(Number.isFinite)) {
    return undefined;
  }
  const [x, y, width, height] = value as unknown as [number, number, number, number];
  return width >= 0 && height >= 0 ? [x, y, width, height] : undefined;
}

export const show = (value: Loose | undefined): string => {
  if (value === undefined) return 'nothing';
  return value instanceof Float64Array
    ? `[${value.subarray(0, 8).join(', ')}${value.length > 8 ? ', …' : ''}]`
    : JSON.stringify(value);
};
