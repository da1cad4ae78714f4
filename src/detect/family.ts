// What a family of detectors is: how its files are known, what it wants to be fed, how its output is
// read. One file a family; pure, without the runtime.
import type { Size } from '../data/record.ts';
import { inputError } from '../errors.ts';
import type { OnnxSummary, SummaryValue } from '../onnx/read.ts';
import type { RgbImage } from '../pose/warp.ts';
import type { Candidate } from './boxNms.ts';
import { type Frame, type PictureRules, pictureTensor, placePicture } from './pictureTensor.ts';
import type { SideFiles } from './sideFiles.ts';

export const detectorKinds = [
  'yolox',
  'yolov5',
  'yolov8',
  'yolo-end-to-end',
  'paddle',
  'paddle-raw',
  'rtdetr',
  'detr',
] as const;
export type DetectorKind = (typeof detectorKinds)[number];

export interface Tensor {
  readonly type: 'float32' | 'int32' | 'int64';
  readonly data: Float32Array | Int32Array | BigInt64Array;
  readonly dims: readonly number[];
}
export type Tensors = Readonly<Record<string, Tensor>>;

/** What is known of a model before its family reads it. */
export interface ModelFacts {
  readonly file: string;
  readonly signature: OnnxSummary;
  readonly side: SideFiles;
  /** Takes the place of the size that the file leaves open. */
  readonly inputSize: Size | undefined;
  /** The class of people in a list of `classes`; undefined where their number is not known. */
  readonly personOf: (classes: number | undefined) => number;
  /** Candidates with a lower score are not wanted. */
  readonly threshold: number;
}

export interface DetectorFamily {
  readonly kind: DetectorKind;
  /** For people: whose exports these are and what they look like. */
  readonly about: string;
  fits(signature: OnnxSummary): boolean;
  open(facts: ModelFacts): DetectorReader;
}

export interface DetectorReader {
  readonly inputSize: Size;
  /** Worth telling before work begins. */
  readonly notes: readonly string[];
  /** Boxes that overlap by more are one person found twice; undefined where the model has seen to it. */
  readonly nmsIou: number | undefined;
  feed(image: RgbImage): { readonly feeds: Tensors; readonly frame: Frame };
  read(outputs: Tensors, frame: Frame, image: Size): Candidate[];
}

/** The input that takes the picture: 4 dimensions, of which the second are the 3 colours. */
export const pictureInput = ({ inputs }: OnnxSummary): SummaryValue | undefined =>
  inputs.find(
    ({ shape }) => shape.length === 4 && (shape[1] === 3 || typeof shape[1] === 'string'),
  );

export const isSize = (value: unknown): value is number => typeof value === 'number' && value > 0;

/** Width and height of the picture's input; `otherwise` where the file leaves them open. */
export function sizeOfInput(
  { file, signature, inputSize }: Pick<ModelFacts, 'file' | 'signature' | 'inputSize'>,
  otherwise: Size,
): Size {
  const { shape } = pictureInput(signature)!;
  const [, , height, width] = shape;
  const open = inputSize ?? otherwise;
  const size = {
    width: isSize(width) ? width : open.width,
    height: isSize(height) ? height : open.height,
  };
  if (inputSize && (size.width !== inputSize.width || size.height !== inputSize.height)) {
    throw inputError(
      `${file}: its input is ${size.width}×${size.height} wide and high and cannot be ${inputSize.width}×${inputSize.height}. Leave the size out.`,
    );
  }
  if (size.width * size.height > 8192 * 8192)
    throw inputError(`${file}: an input of ${size.width}×${size.height} is too large.`);
  return size;
}

/** Feeds the picture alone, and whatever `more` adds. */
export function feedPicture(
  name: string,
  size: Size,
  rules: PictureRules,
  more: (frame: Frame, image: Size) => Tensors = () => ({}),
): DetectorReader['feed'] {
  const { width, height } = size;
  return (image) => {
    const frame = placePicture(image, size, rules.placement);
    const data = pictureTensor(image, size, frame, rules);
    const picture = { type: 'float32', data, dims: [1, 3, height, width] } as const;
    return { feeds: { [name]: picture, ...more(frame, image) }, frame };
  };
}

export const float = (...values: number[]): Tensor => ({
  type: 'float32',
  data: Float32Array.from(values),
  dims: [1, values.length],
});

/** The output of that name, of the type and rank that its reader needs. */
export function output(outputs: Tensors, name: string, rank: number) {
  const tensor = outputs[name];
  if (tensor?.type !== 'float32' || tensor.dims.length !== rank) {
    const got = tensor ? `${tensor.type} [${tensor.dims.join(', ')}]` : 'nothing';
    throw inputError(
      `detector: expected '${name}' to be float32 with ${rank} dimensions, got ${got}. Name the right kind of detector.`,
    );
  }
  return { data: tensor.data as Float32Array, dims: tensor.dims };
}

/** 'images float32 [1, 3, 640, 640]' */
const signatureText = ({ name, type, shape }: SummaryValue) =>
  `${name} ${type} [${shape.join(', ')}]`;

export const describeSignature = ({ inputs, outputs }: OnnxSummary) =>
  `inputs ${inputs.map(signatureText).join(', ')}; outputs ${outputs.map(signatureText).join(', ')}`;

/** ImageNet's, of values 0 to 255. */
export const imageNet = {
  mean: [123.675, 116.28, 103.53],
  std: [58.395, 57.12, 57.375],
} as const;
export const toUnit = { mean: [0, 0, 0], std: [255, 255, 255] } as const;
export const asIs = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
