// Which file is meant by a `weights` setting, which often has no extension or names a folder.
import { statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { inputError } from '../errors.ts';
import { latestCheckpoint, listCheckpoints } from './checkpoint.ts';

/** Formats of other projects, by extension. */
const foreign: Record<string, string> = {
  '.pdparams': 'PaddleDetection weights',
  '.pdopt': 'PaddleDetection optimizer states',
  '.pth': 'PyTorch weights',
  '.pt': 'PyTorch weights',
  '.onnx': 'ONNX graphs',
};

/**
 * The .safetensors file that `path` means: itself, itself with the extension, a checkpoint folder's
 * or a run folder's newest checkpoint, or a PaddleDetection snapshot name: `9` is the checkpoint
 * after 10 epochs, and `output/NAME/model_final` may lie in `output`, where PaddleDetection puts it.
 */
export function findWeights(path: string): string {
  if (/^https?:\/\//.test(path)) {
    throw inputError(
      `weights: '${path}' is an address. Download it, convert it to safetensors and give the path.`,
    );
  }
  const tried: string[] = [];
  for (const candidate of candidates(path)) {
    if (isFile(candidate)) return readable(candidate);
    tried.push(candidate);
  }
  const other = Object.keys(foreign).find((extension) => isFile(path + extension));
  if (other !== undefined) return readable(path + other);
  throw inputError(
    `weights: found no file for '${path}'. Tried ${tried.map((t) => `'${t}'`).join(', ')}. ` +
      'Check the path, or train first.',
  );
}

function* candidates(path: string): Generator<string> {
  yield path;
  const file = path.endsWith('.safetensors') ? path : `${path}.safetensors`;
  if (file !== path) yield file;
  yield join(path, 'model.safetensors');
  const newest = latestCheckpoint(path);
  if (newest !== undefined) yield join(newest, 'model.safetensors');
  const [folder, name] = [dirname(path), basename(path)];
  const snapshot = /^\d{1,6}$/.test(name) && afterEpochs(folder, Number(name) + 1);
  if (snapshot) yield join(snapshot, 'model.safetensors');
  if (/^(\d{1,6}|model_final|best_model)$/.test(name)) yield join(dirname(folder), basename(file));
}

const afterEpochs = (runDir: string, epochs: number) =>
  listCheckpoints(runDir).find((c) => c.meta?.epoch === epochs && c.meta.stepInEpoch === 0)?.path;

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

function readable(file: string): string {
  const extension = extname(file);
  if (extension === '.safetensors') return file;
  const what = foreign[extension] ?? 'files of this kind';
  throw inputError(
    `weights: '${file}' exists, but ${what} cannot be read yet. Convert it to safetensors; ` +
      'official, MMPose and PaddleDetection tensor names are understood.',
  );
}
