// `hrpose weights`: looks into weight files of any kind and turns one kind into another.
import { Command, Option } from 'commander';
import { inputError, usageError } from '../errors.ts';
import { formatBytes } from '../format.ts';
import type { WeightFile } from '../formats/weights.ts';
import type { TargetNames } from '../models/renameWeights.ts';
import { printable } from '../models/weights.ts';

interface Globals {
  readonly json?: boolean;
}

interface InspectFlags extends Globals {
  readonly all?: boolean;
}

interface ConvertFlags extends Globals {
  readonly names?: TargetNames;
  readonly force?: boolean;
}

const kinds: Readonly<Record<WeightFile['format'], string>> = {
  safetensors: 'safetensors',
  'torch-zip': 'PyTorch',
  'torch-legacy': 'PyTorch, as before 1.6',
  paddle: 'PaddlePaddle',
};

const schemeNames: Readonly<Record<TargetNames, string>> = {
  official: 'official',
  paddle: 'PaddleDetection',
};

/** Tensors that are listed from each end. */
const listed = 5;

async function inspect(place: string, _: unknown, command: Command): Promise<void> {
  const { json = false, all = false } = command.optsWithGlobals<InspectFlags>();
  const [{ file, content }, { inspectWeights, tensorLines }, { rulesOfMetadata }] =
    await Promise.all([
      open(place, json),
      import('../models/inspectWeights.ts'),
      import('../models/modelMetadata.ts'),
    ]);
  const { format, tensors, metadata, bytes, notes } = content;
  const { inspection, lines } = inspectWeights(tensors, file);
  const { inputSize, skeleton } = rulesOfMetadata(metadata, file);
  if (json) {
    const entries = Array.from(tensors, ([name, { dtype, shape }]) => ({ name, dtype, shape }));
    const list = all ? { list: entries } : {};
    print([
      JSON.stringify({
        event: 'weights',
        file,
        format,
        bytes,
        ...inspection,
        inputSize,
        skeleton: skeleton?.name,
        notes,
        ...list,
      }),
    ]);
    return;
  }
  print([`${file}: ${kinds[format]}, ${formatBytes(bytes)}`, ...lines.map(indent)]);
  if (inputSize && skeleton) {
    print([
      `  made for ${inputSize.height}x${inputSize.width}, skeleton ${printable(skeleton.name)}`,
    ]);
  }
  print([...notes.map((note) => `  note     ${note}`), '']);
  const rows = tensorLines(tensors).map(indent);
  if (all || rows.length <= 2 * listed + 1) print(rows);
  else {
    const between = `  … ${rows.length - 2 * listed} more; --all lists them`;
    print([...rows.slice(0, listed), between, ...rows.slice(-listed)]);
  }
}

const indent = (line: string) => `  ${line}`;
const print = (lines: readonly string[]) =>
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));

/** The file that a path, a folder or an address means, and what is in it. */
async function open(place: string, json: boolean) {
  const [{ localWeightsWithProgress }, { findWeights }, { readWeightFile }] = await Promise.all([
    import('../data/fetchWeights.ts'),
    import('../train/findWeights.ts'),
    import('../train/weightFile.ts'),
  ]);
  const file = findWeights(await localWeightsWithProgress(place, json), { asNamed: true });
  return { file, content: readWeightFile(file) };
}

async function convert(from: string, to: string, _: unknown, command: Command): Promise<void> {
  const { json = false, force = false, names } = command.optsWithGlobals<ConvertFlags>();
  const { convertWeights, formatToWrite } = await import('../train/convertWeights.ts');
  formatToWrite(to);
  await refuseToReplace(to, force);
  const { file, content } = await open(from, json);
  const { renamed, ...written } = convertWeights(content, { from: file, to, names });
  const { kept, dropped, tensors } = renamed;
  if (json) {
    const counts = { tensors: tensors.size, kept, dropped: dropped.length };
    print([JSON.stringify({ event: 'converted', from: file, to, ...written, ...counts })]);
    return;
  }
  print([
    `${to}: ${tensors.size} tensors, ${schemeNames[written.names]} names, ${formatBytes(written.bytes)}`,
  ]);
  if (dropped.length > 0) {
    print([`  left out: ${dropped.length} batch counters, which PaddleDetection has not`]);
  }
  if (kept.length > 0) print([`  under their own names, which no HRNet has: ${shorten(kept)}`]);
}

function shorten(names: readonly string[]): string {
  const shown = names.slice(0, 3).map(printable).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

async function refuseToReplace(file: string, force: boolean): Promise<void> {
  const { stat } = await import('node:fs/promises');
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isFile()) throw inputError(`${file}: expected the name of a file, it is a folder.`);
  if (!force) throw usageError(`${file}: is there already. Pass --force to replace it.`);
}

const inspectText = `
FILE is a .safetensors, .pth, .pt or .pdparams file (known by its content, whatever its name), a
checkpoint or run folder, or an address, which is fetched into the cache.

Examples
  hrpose weights inspect hrnet_w32-36af842e.pth
  hrpose weights inspect output/demo/best_model --all
  hrpose weights inspect https://example.org/w48.pdparams --json`;

const convertText = `
The ending of OUT decides what is written: .safetensors, .pth or .pt (a PyTorch state dict), or
.pdparams (PaddleDetection). Values stay the same to the bit. IN is whatever 'inspect' takes.

Examples
  hrpose weights convert Trunc_HRNet_W32_C_pretrained.pdparams w32.safetensors
  hrpose weights convert output/demo/best_model demo.pth
  hrpose weights convert hrnet_w48.pth w48.pdparams`;

function inspectCommand(): Command {
  return new Command('inspect')
    .description('Tells what a weights file holds, and which HRNet it is of.')
    .argument('<file>', 'weights: a file, a folder or an address')
    .option('--all', 'list every tensor')
    .addHelpText('after', inspectText)
    .action(inspect);
}

function convertCommand(): Command {
  return new Command('convert')
    .description('Writes weights of any kind as a safetensors, PyTorch or PaddleDetection file.')
    .argument('<in>', 'weights: a file, a folder or an address')
    .argument('<out>', 'file to write')
    .addOption(
      new Option(
        '--names <scheme>',
        'names of the tensors (default: paddle in .pdparams, else official)',
      ).choices(['official', 'paddle']),
    )
    .option('--force', 'replace OUT if it is there')
    .addHelpText('after', convertText)
    .action(convert);
}

export function command(): Command {
  return new Command('weights')
    .description('Looks into weight files and converts them.')
    .addCommand(inspectCommand())
    .addCommand(convertCommand());
}
