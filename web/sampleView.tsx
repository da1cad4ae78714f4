// One person of a data set: the crop that the network sees, what is labelled in white, what is predicted
// in colours.
import { useEffect, useRef } from 'preact/hooks';
import type { PoseModel, RgbImage, WebDataset } from '../src/web/index.ts';
import { paintSkeleton } from './paint.ts';
import type { Sample } from './tuneSession.ts';

interface SampleViewProps {
  readonly dataset: WebDataset;
  readonly model: PoseModel;
  readonly sample: Sample;
}

export function SampleView({ dataset, model, sample }: SampleViewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const record = dataset.records[sample.index]!;
  useEffect(() => {
    let current = true;
    const draw = async () => {
      const image = await dataset.picture(record);
      if (current && canvas.current) paint(canvas.current, image, record, model, sample.keypoints);
    };
    draw().catch(() => {});
    return () => {
      current = false;
    };
  }, [record, sample.keypoints, model]);
  return <canvas ref={canvas} role="img" aria-label={`Person in ${record.imageFile}`} />;
}

function paint(
  canvas: HTMLCanvasElement,
  image: RgbImage,
  { center, scale, keypoints, visible }: WebDataset['records'][number],
  { skeleton }: PoseModel,
  predicted: Float32Array | undefined,
): void {
  const [w, h] = [scale[0] * 200, scale[1] * 200];
  const zoom = (canvas.clientWidth * devicePixelRatio) / w;
  canvas.width = Math.round(w * zoom);
  canvas.height = Math.round(h * zoom);
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.setTransform(zoom, 0, 0, zoom, zoom * (w / 2 - center[0]), zoom * (h / 2 - center[1]));
  context.drawImage(canvasOf(image), 0, 0);
  const pixel = devicePixelRatio / zoom;
  const truth = Array.from(visible, (v, k) => [keypoints[2 * k]!, keypoints[2 * k + 1]!, v]).flat();
  // A network that has learnt nothing yet is sure of nothing: everything is shown.
  if (predicted) paintSkeleton(context, predicted, skeleton, pixel, { least: 0.05, thickness: 2 });
  paintSkeleton(context, truth, skeleton, pixel, { truth: true, least: 1 });
}

function canvasOf({ width, height, data }: RgbImage): OffscreenCanvas {
  const pixels = new ImageData(width, height);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    pixels.data[to] = data[from]!;
    pixels.data[to + 1] = data[from + 1]!;
    pixels.data[to + 2] = data[from + 2]!;
    pixels.data[to + 3] = 255;
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(pixels, 0, 0);
  return canvas;
}
