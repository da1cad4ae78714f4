// The distinct convolutions of an HRNet, with how often each occurs: what benches of kernels go through.
import { type ConvDims, sizesOf } from '../src/backends/webgpu/conv/dims.ts';
import { type HrnetConfig, hrnetUnits } from '../src/models/hrnetConfigs.ts';

export interface Layer {
  readonly dims: ConvDims;
  /** Convolutions of the network that have these sizes. */
  readonly count: number;
  /** The first layer needs no gradient of the pictures. */
  readonly first: boolean;
}

export interface Pictures {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

export function hrnetLayers(config: HrnetConfig, { batch, height, width }: Pictures): Layer[] {
  const head = { cin: config.width, cout: config.keypoints, kernel: 1, stride: 1, outputStride: 4 };
  const layers = new Map<string, Layer>();
  [...hrnetUnits(config), head].forEach(({ cin, cout, kernel, stride, outputStride }, i) => {
    const [outH, outW] = [height / outputStride, width / outputStride];
    const dims: ConvDims = {
      ...{ n: batch, h: outH * stride, w: outW * stride, cin, cout, kh: kernel, kw: kernel },
      ...{ stride, padding: (kernel - 1) / 2, outH, outW },
    };
    const known = layers.get(sizesOf(dims));
    layers.set(sizesOf(dims), { dims, count: (known?.count ?? 0) + 1, first: i === 0 });
  });
  return [...layers.values()];
}
