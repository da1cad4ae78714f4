// Matrix units as Dawn tells of them: an experiment of its own, of which the standard knows nothing yet.
import type { MatrixUnit } from './kernel.ts';

const feature = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

interface MatrixInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: readonly {
    readonly componentType: string;
    readonly resultType: string;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  }[];
}

/**
 * Units that add in float32. None where subgroups may have several sizes: how many of them a workgroup
 * has is decided with its text.
 */
export function matrixUnitsOf({
  features,
  info,
}: Pick<GPUAdapter, 'features' | 'info'>): readonly MatrixUnit[] {
  const { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs = [] } = info as MatrixInfo;
  if (!features.has(feature) || !features.has('subgroups')) return [];
  if (!subgroupMinSize || subgroupMinSize !== subgroupMaxSize) return [];
  const types = ['f32', ...(features.has('shader-f16') ? ['f16'] : [])];
  return subgroupMatrixConfigs
    .filter(
      ({ componentType, resultType }) => resultType === 'f32' && types.includes(componentType),
    )
    .map(({ componentType, M, N, K }): MatrixUnit => {
      const component = componentType as MatrixUnit['component'];
      return { component, m: M, n: N, k: K, subgroupSize: subgroupMinSize };
    });
}

/** What a device must be asked for to use them. */
export const matrixFeatures = (units: readonly MatrixUnit[]): GPUFeatureName[] => [
  ...(units.length > 0 ? [feature] : []),
  ...(units.some(({ component }) => component === 'f16') ? (['shader-f16'] as const) : []),
];
