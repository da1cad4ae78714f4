// Pairs rows with columns so that the sum of their values is largest: the Hungarian method in its
// form with shortest augmenting paths and potentials (Jonker and Volgenant 1987), O(rows²·columns).

/**
 * values: [rows][columns], larger is better; pairs below `least` are not made.
 * Returns the column of every row, or -1.
 */
export function assign(values: readonly (readonly number[])[], least: number): number[] {
  const rows = values.length;
  const columns = values[0]?.length ?? 0;
  if (rows === 0 || columns === 0) return values.map(() => -1);
  if (rows > columns) {
    const rowOf = assign(
      Array.from({ length: columns }, (_, c) => values.map((row) => row[c]!)),
      least,
    );
    return values.map((_, r) => rowOf.indexOf(r));
  }
  // What lies below the threshold is worth nothing, so that it never costs a pair above it.
  const worth = (r: number, c: number) => (values[r]![c]! >= least ? values[r]![c]! : 0);
  return cheapest(rows, columns, (r, c) => -worth(r, c)).map((c, r) =>
    values[r]![c]! >= least ? c : -1,
  );
}

/** The column of every row at the least total cost; rows ≤ columns. Index 0 of the arrays is a stand-in. */
function cheapest(rows: number, columns: number, cost: (r: number, c: number) => number): number[] {
  const rowPotential = new Float64Array(rows + 1);
  const columnPotential = new Float64Array(columns + 1);
  const rowOf = new Int32Array(columns + 1);
  const previous = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    const distance = new Float64Array(columns + 1).fill(Number.POSITIVE_INFINITY);
    const done = new Uint8Array(columns + 1);
    rowOf[0] = row;
    let column = 0;
    while (rowOf[column] !== 0) {
      done[column] = 1;
      const r = rowOf[column]!;
      let step = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let c = 1; c <= columns; c++) {
        if (done[c]) continue;
        const reduced = cost(r - 1, c - 1) - rowPotential[r]! - columnPotential[c]!;
        if (reduced < distance[c]!) {
          distance[c] = reduced;
          previous[c] = column;
        }
        if (distance[c]! < step) {
          step = distance[c]!;
          next = c;
        }
      }
      for (let c = 0; c <= columns; c++) {
        if (done[c]) {
          rowPotential[rowOf[c]!]! += step;
          columnPotential[c]! -= step;
        } else distance[c]! -= step;
      }
      column = next;
    }
    while (column !== 0) {
      const before = previous[column]!;
      rowOf[column] = rowOf[before]!;
      column = before;
    }
  }
  const columnOf: number[] = new Array(rows).fill(-1);
  for (let c = 1; c <= columns; c++) if (rowOf[c]! > 0) columnOf[rowOf[c]! - 1] = c - 1;
  return columnOf;
}
