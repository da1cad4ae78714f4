// A tiny network with the golden weights, and pictures to look at. Used by tests only.
import { goldenState } from '../models/golden.testing.ts';
import { hrnetConfig, hrnetState } from '../models/hrnetConfigs.ts';
import { coco17 } from '../pose/skeletons.ts';
import type { RgbImage } from '../pose/warp.ts';
import { writeModelFile } from '../train/tensorFile.ts';
import type { PoseModel } from './posePipeline.ts';
import { usualRules } from './usualModel.ts';

const config = hrnetConfig('hrnet-small', 8, 17);

export const tinyModel: PoseModel = {
  config,
  skeleton: coco17,
  inputSize: { width: 64, height: 96 },
  ...usualRules,
  // Heatmaps around 1, so that scores are not all 0.
  weights: goldenState(config).set('final_layer.bias', new Float32Array(17).fill(1)),
};

/** A folder that is removed when the tests of the file are over. */
export function writeTinyWeights(file: string, metadata?: ReadonlyMap<string, string>): string {
  const shapes = hrnetState(config);
  const tensors = Array.from(
    tinyModel.weights,
    ([name, data]) => [name, { shape: shapes.get(name)!, data }] as const,
  );
  writeModelFile(file, new Map(tensors), metadata);
  return file;
}

/** Noise that is the same for the same seed, in soft blobs, so that heatmaps differ by place. */
export function noisePicture(width: number, height: number, seed: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const wave = Math.sin((x + 7 * c + 31 * seed) / 9) * Math.cos((y - 5 * c + 17 * seed) / 13);
        data[(y * width + x) * 3 + c] = 127 + 100 * wave;
      }
    }
  }
  return { width, height, data };
}
