// What settings say about the network and its use: to build it, and to go with the weights that are saved.
import { hrnetConfig } from '../models/hrnetConfigs.ts';
import { modelMetadata, rulesOfMetadata, type UseRules } from '../models/modelMetadata.ts';
import { packageVersion } from '../packageRoot.ts';
import type { Settings } from './settings.ts';

export function useOfSettings({ skeleton, inputSize, normalize, eval: how }: Settings): UseRules {
  const { useDark, darkKernel, udp } = how;
  return { skeleton, inputSize, normalize, useDark, darkKernel, udp };
}

export const networkConfig = ({ model }: Settings) =>
  hrnetConfig(model.variant, model.width, model.keypoints);

/**
 * Goes with weights that these settings trained. The config itself stays out: two runs that differ
 * in folders alone write the same bytes.
 */
export const savedMetadata = (settings: Settings): Map<string, string> =>
  modelMetadata(
    { ...useOfSettings(settings), config: networkConfig(settings) },
    { version: packageVersion(), configSha256: undefined, decode: false },
  );

/**
 * Where settings use weights otherwise than their file says, a sentence for each: poses are poor then,
 * and nothing else tells. How heatmaps are read is left out: that is tried on purpose.
 */
export function contradictions(
  settings: Settings,
  metadata: ReadonlyMap<string, string>,
  file: string,
): string[] {
  const [here, there] = [useOfSettings(settings), rulesOfMetadata(metadata, file)];
  return Object.entries(aspects).flatMap(([what, show]) => {
    const [used, meant] = [show(here), show(there)];
    if (meant === undefined || used === meant) return [];
    return [`${file} is for ${what} ${meant}; the config's ${used} is used.`];
  });
}

const aspects: Readonly<Record<string, (rules: Partial<UseRules>) => string | undefined>> = {
  input: ({ inputSize }) => inputSize && `${inputSize.height}x${inputSize.width}`,
  normalisation: ({ normalize }) => normalize && `${normalize.mean} and ${normalize.std}`,
  'crop rule': ({ udp }) => (udp === undefined ? undefined : udp ? 'udp' : 'affine'),
};
