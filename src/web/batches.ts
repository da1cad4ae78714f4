// Records of a data set as batches, by the same code as in Node and so the same to the byte where
// browser and Node decode a picture alike.
import { makeSample, placeSample, type SampleRules } from '../data/placeSample.ts';
import type { Batch } from '../data/record.ts';
import type { WebDataset } from './cocoFolder.ts';

/** The records at `indices` as one batch; epoch: of the random changes, where the rules ask for them */
export async function makeBatch(
  dataset: WebDataset,
  rules: SampleRules,
  indices: Int32Array,
  epoch: number,
): Promise<Batch> {
  const batch = emptyBatch(rules, indices.length);
  const place = async (index: number, position: number) => {
    const record = dataset.records[index]!;
    const image = await dataset.picture(record);
    const sample = makeSample(rules, record, image.width, index, epoch);
    placeSample(rules, image, sample, index, batch, position);
  };
  await Promise.all(Array.from(indices, place));
  return batch;
}

function emptyBatch({ skeleton, inputSize }: SampleRules, size: number): Batch {
  const k = skeleton.keypoints.length;
  return {
    size,
    indices: new Int32Array(size),
    images: new Uint8Array(size * inputSize.width * inputSize.height * 3),
    keypoints: new Float32Array(size * k * 2),
    visible: new Float32Array(size * k),
    centers: new Float32Array(size * 2),
    scales: new Float32Array(size * 2),
  };
}
