// What scoring at snapshots takes beside training: a program of its own that is made before the first step, with
// weights of its own, since batch norm is folded into them. All in bytes.
import type { Graph } from '../graph/graph.ts';
import { inferenceGraph } from '../models/poseGraphs.ts';
import { compileInference } from '../passes/compile.ts';
import { valueBytes } from '../passes/lifetimes.ts';
import { peakMemory } from '../passes/peakMemory.ts';
import type { HeatmapNetworkOptions } from './heatmapNetwork.ts';
import {
  feedBytes,
  loaderBytes,
  type MemoryKind,
  scratchBytes,
  statesOf,
  storedBytes,
} from './memoryUse.ts';

export interface ScoringMemory {
  /** Crops at once, if there is room. */
  readonly batch: number;
  readonly fixed: number;
  /** For each of the crops that are computed at once. */
  readonly perCrop: number;
}

/** @param workers threads of the loader, which lie in the memory of the host */
export function scoringMemory(
  options: HeatmapNetworkOptions,
  kind: MemoryKind,
  workers: number,
): ScoringMemory {
  const { config, batch, inputSize } = options;
  const { graph } = compileInference(inferenceGraph(config, { ...options, batch: 1 }));
  const weights = statesOf(graph, ['parameter', 'statistic']);
  const { bytes: activations } = peakMemory(graph, (value) => storedBytes(value, kind));
  const onHost = kind.memory === 'host';
  const loader = (crops: number) => (onHost ? loaderBytes(workers, crops, inputSize) : 0);
  // On a device pictures lie beside activations, and heatmaps are copied for the host.
  const handedOver = onHost ? 0 : feedBytes(graph) + heatmapBytes(graph);
  return {
    batch,
    fixed: weights + scratchBytes(kind) + loader(0),
    perCrop: activations + handedOver + loader(1) - loader(0),
  };
}

const heatmapBytes = ({ outputs, values }: Graph): number =>
  outputs.reduce((sum, { value }) => sum + valueBytes(values[value]!), 0);
