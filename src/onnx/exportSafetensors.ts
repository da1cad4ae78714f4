// A pose model → a safetensors file for other programs: every parameter and running statistic under
// its official name, batch norms as they were trained, with the same metadata as an ONNX model.
import { layoutSafetensors, type SafetensorsImage } from '../formats/safetensors.ts';
import type { PoseModel } from '../infer/posePipeline.ts';
import { hrnetState } from '../models/hrnetConfigs.ts';
import type { ExportPrecision } from './export.ts';
import { toHalf } from './half.ts';

/**
 * With fp16 the convolutions' weights are halves. What belongs to batch norms and biases stays
 * float32: small variances would vanish in half precision.
 */
export function exportSafetensors(
  { config, weights }: PoseModel,
  precision: ExportPrecision,
  metadata: ReadonlyMap<string, string>,
): SafetensorsImage {
  const tensors = Array.from(hrnetState(config), ([name, shape]) => {
    const data = weights.get(name)!;
    const half = precision === 'fp16' && shape.length === 4;
    const tensor = half
      ? ({ dtype: 'F16', shape, data: toHalf(name, data) } as const)
      : ({ dtype: 'F32', shape, data } as const);
    return [name, tensor] as const;
  });
  // 'pt' tells loaders that names and layouts are PyTorch's.
  return layoutSafetensors(tensors, new Map([['format', 'pt'], ...metadata]));
}
