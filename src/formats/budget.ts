// What reading one file may cost in memory, so that a small file cannot ask for much: by copying one part
// of itself any number of times, or by being made of nothing but small objects.

/**
 * Bytes of tensors and copies may come to so many times the size of the file. Column order, byte order
 * and the text of protocol 2 at once make three copies.
 */
const copies = 4;
/** A file of a few hundred bytes may still hold a few small tensors many times. */
const least = 1 << 16;
/**
 * Lists, dicts, references and opcodes, by rough estimates of their bytes. A training checkpoint of
 * HRNet-W48 with its moments and its best weights comes to 22 MB (209,000 opcodes).
 */
const mostObjects = 48e6;

/** Each counts down; false once there is more than the file may cost. */
export interface Budget {
  readonly copy: (bytes: number) => boolean;
  readonly hold: (bytes: number) => boolean;
}

export function budgetFor(fileBytes: number): Budget {
  let toCopy = copies * fileBytes + least;
  let toHold = mostObjects;
  return {
    copy(bytes) {
      toCopy -= bytes;
      return toCopy >= 0;
    },
    hold(bytes) {
      toHold -= bytes;
      return toHold >= 0;
    },
  };
}
