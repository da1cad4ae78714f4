// Finds people in pictures by a detector in an ONNX file. The file's inputs and outputs tell which
// family it is of (families/), which knows how to feed it and how to read it.
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Size } from '../data/record.ts';
import { environmentError, inputError, usageError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { type OnnxSummary, readOnnxSummary } from '../onnx/read.ts';
import { fastestFirst, lookForOnnxRuntime } from '../onnx/runtime.ts';
import type { PersonBox } from '../pose/estimate.ts';
import type { RgbImage } from '../pose/warp.ts';
import { boxNms, toBoxes } from './boxNms.ts';
import { families } from './families/index.ts';
import { readNames } from './families/yoloNames.ts';
import {
  type DetectorFamily,
  type DetectorKind,
  describeSignature,
  detectorKinds,
  type ModelFacts,
  pictureInput,
  type Tensors,
} from './family.ts';
import { readSideFiles } from './sideFiles.ts';

export interface DetectorOptions {
  /** Known from the file's inputs and outputs when left out. */
  readonly kind?: string;
  /** Boxes with a lower score are left out. Default 0.3. */
  readonly threshold?: number;
  /** The class of people, for a model whose list has them elsewhere than COCO's. */
  readonly classId?: number;
  /** For a model that leaves the size of its input open. */
  readonly inputSize?: Size;
  /** Threads of the runtime. Default: as many as the machine has cores. */
  readonly threads?: number;
}

export interface Detector {
  readonly kind: DetectorKind;
  readonly inputSize: Size;
  /** 'onnxruntime-node' or 'onnxruntime-web'. */
  readonly runtime: string;
  /** Worth telling before work begins. */
  readonly notes: readonly string[];
  /** People in px of the picture, the surest first. Calls may overlap; they take turns. */
  detect(image: RgbImage): Promise<readonly PersonBox[]>;
  close(): Promise<void>;
}

export async function openDetector(file: string, options: DetectorOptions = {}): Promise<Detector> {
  const signature = signatureOf(file);
  const family = familyOf(signature, file, options.kind);
  checkInputs(signature, file);
  const reader = family.open(factsOf(file, signature, options));
  const { runtime, session } = await openSession(file, options.threads);
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;

  async function detectNow(image: RgbImage): Promise<readonly PersonBox[]> {
    const { feeds, frame } = reader.feed(image);
    const outputs = (await session.run(feeds)) as Tensors;
    const boxes = toBoxes(reader.read(outputs, frame, image), image);
    return reader.nmsIou === undefined ? boxes : boxNms(boxes, reader.nmsIou);
  }

  return {
    kind: family.kind,
    inputSize: reader.inputSize,
    runtime,
    notes: reader.notes,
    detect(image) {
      if (closed) return Promise.reject(usageError('detector: detect() after close().'));
      const result = turn.then(() => detectNow(image));
      turn = result.catch(() => {});
      return result;
    },
    async close() {
      if (closed) return;
      closed = true;
      await turn;
      await session.close();
    },
  };
}

const advice = {
  load: 'Export it again, for an opset that this version knows.',
  run: 'Check the kind of the detector and the size of its input.',
};

async function openSession(file: string, threads = availableParallelism()) {
  const runtime = await lookForOnnxRuntime({ threads }, fastestFirst);
  if (runtime === undefined) {
    throw environmentError(
      `detector: ${file} needs ONNX Runtime, which is not installed. Run 'npm install onnxruntime-node' (fast), or 'npm install onnxruntime-web' (anywhere, slower).`,
    );
  }
  const model = runtime.package === 'onnxruntime-node' ? file : readFileSync(file);
  return { runtime: runtime.package, session: await runtime.open(model, file, advice) };
}

function signatureOf(file: string): OnnxSummary {
  if (!existsSync(file)) {
    throw inputError(
      `--detector: expected an ONNX file, but there is none at '${file}'. Check the path.`,
    );
  }
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw inputError(`${file}: it cannot be read (${(error as Error).message}).`, { cause: error });
  }
  return readOnnxSummary(bytes, file);
}

/** The family that `kind` names, or else the first that the file fits. */
function familyOf(signature: OnnxSummary, file: string, kind: string | undefined): DetectorFamily {
  if (kind !== undefined && !detectorKinds.some((known) => known === kind)) {
    throw usageError(
      `detector: unknown kind '${kind}'.${didYouMean(kind, detectorKinds)} Known are ${detectorKinds.join(', ')}.`,
    );
  }
  const family = families.find((candidate) =>
    kind === undefined ? candidate.fits(signature) : candidate.kind === kind,
  );
  if (family !== undefined && pictureInput(signature) !== undefined) return family;
  const understood = families.map(({ kind: name, about }) => `\n  ${name.padEnd(16)} ${about}`);
  throw inputError(
    `${file}: it is none of the detectors known here. It has ${describeSignature(signature)}. Understood are${understood.join('')}\nIf it is one of these under other names or with open sizes, name its kind (--detector-kind).`,
  );
}

/** What the runtime would refuse later, or what would be misread. */
function checkInputs(signature: OnnxSummary, file: string): void {
  const { type, shape, name } = pictureInput(signature)!;
  if (type !== 'float32') {
    throw inputError(
      `${file}: expected its input '${name}' to be float32, got ${type}. Export it in full precision (half=False, int8=False).`,
    );
  }
  if (typeof shape[0] === 'number' && shape[0] !== 1) {
    throw inputError(
      `${file}: expected one picture a run, but it takes ${shape[0]}. Export it with a batch of 1, or an open one.`,
    );
  }
}

const peopleNames = /^(person|persons|people|human|pedestrian)$/i;

function factsOf(
  file: string,
  signature: OnnxSummary,
  { threshold = 0.3, classId, inputSize }: DetectorOptions,
): ModelFacts {
  const side = readSideFiles(file);
  const names = readNames(signature) ?? side.classes;
  return { file, signature, side, inputSize, threshold, personOf };

  function personOf(classes: number | undefined): number {
    const id = classId ?? idByName() ?? (classes === 91 ? 1 : 0);
    if (classes !== undefined && id >= classes)
      throw usageError(`detector: class ${id} was asked for, but ${file} has ${classes} classes.`);
    return id;
  }

  /** By the model's own list of classes. A list without people is an error, not class 0. */
  function idByName(): number | undefined {
    if (names === undefined) return undefined;
    const id = names.findIndex((name) => peopleNames.test(name));
    if (id >= 0) return id;
    throw inputError(
      `${file}: it finds ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', ...' : ''}, but no people. Name their class if it is one of these.`,
    );
  }
}
