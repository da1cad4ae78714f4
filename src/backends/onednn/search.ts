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
      const racers = entrants(candidates, trial).map(({ choice, found }) => {
        const racer = prepare(ffi, dnnl, choice, found);
        found.pd.destroy();
        return racer;
      });
      try {
        if (racers.length === 0) return candidates[0]!;
        race(racers);
        const best = racers.reduce((a, b) => (b.best < a.best ? b : a));
        if (racers.length > 1) choices.keep(key, best.choice, best.best);
        return best.choice;
      } finally {
        for (const racer of racers) racer.close();
      }
    },
  };
}

/** What the library has; its plain loops, a thousand times slower, only where it has nothing else. */
function entrants(candidates: readonly ConvChoice[], trial: ConvQuestion['trial']) {
  const all = candidates.flatMap((choice) => {
    const found = trial(choice);
    return found ? [{ choice, found, plain: found.pd.implementation().startsWith('ref') }] : [];
  });
  const fast = all.filter(({ plain }) => !plain);
  const kept = fast.length > 0 ? fast : all.slice(0, 1);
  for (const one of all) if (!kept.includes(one)) one.found.pd.destroy();
  return kept;
}

const sameChoice = (a: ConvChoice, b: ConvChoice) =>
  a.algorithm === b.algorithm && a.layout === b.layout;

/** A choice in the race. */
interface Racer {
  readonly choice: ConvChoice;
  /** One run of the convolution and of the reorders around it. */
  readonly run: () => void;
  readonly close: () => void;
  /** Fastest run so far, ms. */
  best: number;
}

const burstRuns = 4;
const burstMilliseconds = 6;
const leastRounds = 3;
const mostRounds = 10;
/** A round counts as undisturbed if it comes so close to the fastest runs. */
const steady = 1.25;

/**
 * The choices run in turn, a few times each, until the fastest times of a round are those of the rounds
 * before: what else the machine does makes some rounds slower, but seldom all, and never one faster.
 */
function race(racers: readonly Racer[]): void {
  if (racers.length < 2) return;
  for (const { run } of racers) run();
  for (let round = 0; round < mostRounds; round++) {
    let disturbed = false;
    for (const racer of racers) {
      const fastest = burst(racer.run);
      if (fastest > steady * racer.best || racer.best > steady * fastest) disturbed = true;
      racer.best = Math.min(racer.best, fastest);
    }
    if (round + 1 >= leastRounds && !disturbed) return;
  }
}

function burst(run: () => void): number {
  let fastest = Number.POSITIVE_INFINITY;
  const begin = performance.now();
  for (let i = 0; i < burstRuns && (i < 1 || performance.now() - begin < burstMilliseconds); i++) {
    const start = performance.now();
    run();
    fastest = Math.min(fastest, performance.now() - start);
  }
  return fastest;
}

/** Primitives with memory of their own. */
function prepare(ffi: Ffi, dnnl: Dnnl, choice: ConvChoice, { pd, tensors }: Trial): Racer {
  const parts = [bound(ffi, dnnl, pd, tensors)];
  for (const { desc, lies, written } of tensors) {
    if (lies === undefined || dnnl.equal(desc, lies)) continue;
    const [from, to] = written ? [desc, lies] : [lies, desc];
    const reorder = dnnl.reorder(from, to);
    const ends = [
      { index: arg.src, desc: from },
      { index: arg.dst, desc: to },
    ];
    parts.push(bound(ffi, dnnl, reorder, ends));
    reorder.destroy();
  }
  return {
    choice,
    run: () => {
      for (const part of parts) part.run();
    },
    close: () => {
      for (const part of parts) part.close();
    },
    best: Number.POSITIVE_INFINITY,
  };
}

/** A primitive that can run, on zeroed memory. */
function bound(
  ffi: Ffi,
  dnnl: Dnnl,
  pd: PrimitiveDesc,
  tensors: readonly Pick<TrialTensor, 'index' | 'desc'>[],
) {
  const scratchpad = pd.desc('scratchpad');
  const needed = [
    ...tensors,
    ...(dnnl.bytes(scratchpad) > 0 ? [{ index: arg.scratchpad, desc: scratchpad }] : []),
  ];
  const blocks: NativeMemory[] = [];
  const memories = needed.map(({ index, desc }) => {
    const block = ffi.allocate(dnnl.bytes(desc));
    block.clear();
    blocks.push(block);
    return [index, dnnl.memory(desc, block.address)] as const;
  });
  const args = encodeArgs(ffi, memories);
  const primitive = dnnl.primitive(pd);
  return {
    run: () => dnnl.run(primitive, memories.length, args.address),
    close() {
      dnnl.destroyPrimitive(primitive);
      for (const [, memory] of memories) dnnl.destroyMemory(memory);
      for (const block of [...blocks, args]) block.free();
    },
  };
}
