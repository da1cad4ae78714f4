// How many bytes the tensors of a file may come to. Copies are made for other byte orders, column order,
// text that carries arrays, and strided views; without a limit a small file could ask for any number of
// copies of one part of itself.

/** Times the size of the file: column order, byte order and the text of protocol 2 at once make three. */
const copies = 4;
/** A file of a few hundred bytes may still hold a few small tensors many times. */
const least = 1 << 16;

/** Counts bytes down; false once they are more than a file of this size may come to. */
export type Allowance = (bytes: number) => boolean;

export function allowanceFor(fileBytes: number): Allowance {
  let left = copies * fileBytes + least;
  return (bytes) => {
    left -= bytes;
    return left >= 0;
  };
}
