// Which algorithm and layout a convolution gets: by measuring what the library offers for it, with
// the reorders that a choice causes, or by rule. Answers are kept by shape (choiceCache.ts).
import type { ConvAlgorithm, Dnnl, MemoryDesc, PrimitiveDesc } from './dnnl2.ts';
import { arg } from './dnnl2.ts';
import type { Ffi, NativeMemory } from './ffi.ts';
import { encodeArgs } from './states.ts';

export interface ConvChoice {
  readonly algorithm: ConvAlgorithm;
  /** How its activations lie; where that is not the program's layout, they are reordered. */
  readonly layout: 'blocked' | 'channelsLast';
}

/** One way to do a convolution. */
export interface Trial {
  readonly pd: PrimitiveDesc;
  readonly tensors: readonly TrialTensor[];
}

export interface TrialTensor {
  readonly index: number;
  readonly desc: MemoryDesc;
  /** How it lies when the convolution is reached, or is expected after it; unknown where it takes any layout. */
  readonly lies?: MemoryDesc | undefined;
  readonly written: boolean;
}

export interface ConvQuestion {
  /** Everything that decides the time, as text. */
  readonly key: string;
  /** The first one always exists. */
  readonly candidates: readonly ConvChoice[];
  /** undefined where the library has no such implementation. Its descriptor is destroyed by who asked. */
  readonly trial: (choice: ConvChoice) => Trial | undefined;
}

export interface ConvSearch {
  choose(question: ConvQuestion): ConvChoice;
}

/** Answers that outlive a process. */
export interface ConvChoices {
  find(key: string): ConvChoice | undefined;
  keep(key: string, choice: ConvChoice, milliseconds: number): void;
}

/** Always the direct algorithm: the same sums in the same order on every machine of one kind. */
export const directOnly: ConvSearch = { choose: ({ candidates }) => candidates[0]! };

/** The given algorithm wherever it exists: for holding it against the reference. */
export const prefer = (algorithm: ConvAlgorithm): ConvSearch => ({
  choose({ candidates, trial }) {
    const exists = (choice: ConvChoice) => {
      const found = trial(choice);
      found?.pd.destroy();
      return found !== undefined;
    };
    return candidates.find((c) => c.algorithm === algorithm && exists(c)) ?? candidates[0]!;
  },
});

/** Takes the fastest, measured once a shape. */
export function measuring(ffi: Ffi, dnnl: Dnnl, choices: ConvChoices): ConvSearch {
  return {
    choose({ key, candidates, trial }) {
      const known = choices.find(key);
      if (known && candidates.some((c) => sameChoice(c, known))) return known;
      if (candidates.length === 1) return candidates[0]!;
      let best = { choice: candidates[0]!, milliseconds: Number.POSITIVE_INFINITY };
      for (const choice of candidates) {
        const found = trial(choice);
        if (!found) continue;
        const milliseconds = trialTime(ffi, dnnl, found, best.milliseconds);
        if (milliseconds < best.milliseconds) best = { choice, milliseconds };
        found.pd.destroy();
      }
      choices.keep(key, best.choice, best.milliseconds);
      return best.choice;
    },
  };
}

const sameChoice = (a: ConvChoice, b: ConvChoice) =>
  a.algorithm === b.algorithm && a.layout === b.layout;

/** Milliseconds of a convolution and the reorders around it; Infinity once it is slower than `limit`. */
function trialTime(ffi: Ffi, dnnl: Dnnl, { pd, tensors }: Trial, limit: number): number {
  // The library's plain loops are a thousand times slower: not worth the minutes to time them.
  if (pd.implementation().startsWith('ref') && limit < Number.POSITIVE_INFINITY)
    return Number.POSITIVE_INFINITY;
  let total = primitiveTime(ffi, dnnl, pd, tensors);
  for (const { desc, lies, written } of tensors) {
    if (lies === undefined || dnnl.equal(desc, lies)) continue;
    if (total >= limit) return Number.POSITIVE_INFINITY;
    const [from, to] = written ? [desc, lies] : [lies, desc];
    const reorder = dnnl.reorder(from, to);
    total += primitiveTime(ffi, dnnl, reorder, [
      { index: arg.src, desc: from },
      { index: arg.dst, desc: to },
    ]);
    reorder.destroy();
  }
  return total;
}

const leastRuns = 5;
const mostRuns = 20;
const enoughMilliseconds = 12;

/** The fastest of a few runs, in ms: what disturbs a run only makes it slower. */
function primitiveTime(
  ffi: Ffi,
  dnnl: Dnnl,
  pd: PrimitiveDesc,
  tensors: readonly Pick<TrialTensor, 'index' | 'desc'>[],
): number {
  const blocks: NativeMemory[] = [];
  const scratchpad = pd.desc('scratchpad');
  const needed = [
    ...tensors,
    ...(dnnl.bytes(scratchpad) > 0 ? [{ index: arg.scratchpad, desc: scratchpad }] : []),
  ];
  const memories = needed.map(({ index, desc }) => {
    const block = ffi.allocate(dnnl.bytes(desc));
    block.clear();
    blocks.push(block);
    return [index, dnnl.memory(desc, block.address)] as const;
  });
  const args = encodeArgs(ffi, memories);
  const primitive = dnnl.primitive(pd);
  try {
    return fastest(() => dnnl.run(primitive, memories.length, args.address));
  } finally {
    dnnl.destroyPrimitive(primitive);
    for (const [, memory] of memories) dnnl.destroyMemory(memory);
    for (const block of [...blocks, args]) block.free();
  }
}

function fastest(run: () => void): number {
  run();
  let best = Number.POSITIVE_INFINITY;
  const begin = performance.now();
  for (let i = 0; i < mostRuns; i++) {
    if (i >= leastRuns && performance.now() - begin > enoughMilliseconds) break;
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
