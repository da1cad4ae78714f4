// Which file is meant by a `weights` setting, which often has no extension or names a folder.
import { statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { isAddress } from '../data/weightAddress.ts';
import { inputError } from '../errors.ts';
import { latestCheckpoint, listCheckpoints } from './checkpoint.ts';

/** What weights end in, in the order in which they are looked for. */
const endings = ['.safetensors', '.pdparams', '.pth', '.pt'];

/** What PaddleDetection saves beside its weights and takes for them. */
const besideWeights = ['.pdopt', '.pdmodel'];

/**
 * The file of weights that `path` means: itself, itself with an extension, a checkpoint folder's
 * or a run folder's newest checkpoint, or a PaddleDetection snapshot name: `9` is the checkpoint
 * after 10 epochs, and `output/NAME/model_final` may lie in `output`, where PaddleDetection puts it.
 * With `asNamed` a file is taken as it is even if it holds optimizer states beside weights.
 */
export function findWeights(path: string, { asNamed = false } = {}): string {
  if (isAddress(path)) {
    throw inputError(`weights: '${path}' was not fetched. 'hrpose weights inspect' fetches it.`);
  }
  if (asNamed && isFile(path)) return path;
  for (const candidate of candidates(path)) if (isFile(candidate)) return candidate;
  throw inputError(
    `weights: found no file '${path}', none with ${endings.join(', ')} after it, and no checkpoint in a folder of that name. ` +
      'Check the path, or train first.',
  );
}

function* candidates(path: string): Generator<string> {
  const ending = extname(path);
  if (besideWeights.includes(ending)) {
    yield `${path.slice(0, -ending.length)}.pdparams`;
    return;
  }
  yield path;
  if (endings.includes(ending)) return;
  for (const other of endings) yield path + other;
  yield join(path, 'model.safetensors');
  const newest = latestCheckpoint(path);
  if (newest !== undefined) yield join(newest, 'model.safetensors');
  const [folder, name] = [dirname(path), basename(path)];
  const snapshot = /^\d{1,6}$/.test(name) && afterEpochs(folder, Number(name) + 1);
  if (snapshot) yield join(snapshot, 'model.safetensors');
  if (!/^(\d{1,6}|model_final|best_model)$/.test(name)) return;
  for (const other of endings) yield join(dirname(folder), name + other);
}

const afterEpochs = (runDir: string, epochs: number) =>
  listCheckpoints(runDir).find((c) => c.meta?.epoch === epochs && c.meta.stepInEpoch === 0)?.path;

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (cause) {
    throw inputError(`weights: '${path}' cannot be looked for (${(cause as Error).message}).`, {
      cause,
    });
  }
}
