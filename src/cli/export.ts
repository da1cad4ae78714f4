// hrpose export: a trained network as a file for other programs, with proof that it computes the same.
import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { usageError } from '../errors.ts';
import type { ExportFlags } from '../onnx/runExport.ts';
import { openBackend, wholeNumber } from './device.ts';
import { addConfigOptions, addPaddleFlags } from './paddleFlags.ts';

const notes = `
What the model takes and gives
  --input float  images float32 [N, 3, H, W]: crops, (pixel/255 - mean)/std
  --input uint8  images uint8 [N, H, W, 3]: crops as they are, RGB
  always         heatmaps float32 [N, K, H/4, W/4]
  --decode       before them keypoints [N, K, 2], x and y in pixels of the crop, and scores [N, K]

The check runs the file in ONNX Runtime beside the network that it was made of: on --image, else on people of
the config's EvalDataset, else on drawn people; and on noise. What it finds is printed and written into the
file. A file that fails is kept as FILE.rejected, and the exit code is 5.

Without -c the network is known from what its file says, from the run that saved the weights, or from their
shapes.

Examples
  hrpose export -c configs/keypoint/hrnet/hrnet_w32_384x288.yml -o weights=best_model --decode
  hrpose export -c CONFIG -o weights=PATH --precision fp16 --dynamic-batch --output pose.onnx
  hrpose export -c CONFIG -o weights=PATH EvalDataset.dataset_dir=dataset/coco --score
  hrpose export -o weights=output/demo/best_model --format safetensors`;

export function command(): Command {
  const made = addConfigOptions(new Command('export'), { required: false })
    .summary('write a network as ONNX or safetensors for other programs')
    .description(
      'Writes a trained network as an ONNX model, or its weights as safetensors, and proves that the file computes what the network does.',
    )
    .addOption(
      new Option('--format <name>', 'kind of file')
        .choices(['onnx', 'safetensors'])
        .default('onnx'),
    )
    .option(
      '--output <path>',
      'file to write, or a folder for it',
      'output/export/<name of the config>.<format>',
    )
    .addOption(new Option('--output_dir <dir>').hideHelp())
    .option('--decode', 'let the model find the keypoints in its heatmaps', false)
    .addOption(
      new Option(
        '--input <kind>',
        'normalised floats or crops as bytes (default: float, with --decode uint8)',
      ).choices(['float', 'uint8']),
    )
    .addOption(
      new Option('--precision <type>', 'of weights and arithmetic')
        .choices(['fp32', 'fp16'])
        .default('fp32'),
    )
    .option('--batch <n>', 'crops a run (default: 1)', wholeNumber('--batch', 1, 4096))
    .option('--dynamic-batch', 'any number of crops a run', false)
    .option('--image <paths...>', 'check on these pictures, folders or patterns: a person each')
    .option('--score', "also compare the AP of both on the config's EvalDataset", false)
    .option('--no-check', 'write the file without running it')
    .option(
      '--threads <n>',
      'threads of the check',
      wholeNumber('--threads', 1, 1024),
      availableParallelism(),
    )
    .addHelpText('after', notes);
  return addPaddleFlags(made, 'export').action(async (_, cmd: Command) => {
    const flags = cmd.optsWithGlobals<ExportFlags & { output_dir?: string }>();
    const output = cmd.getOptionValueSource('output') === 'cli' ? flags.output : undefined;
    refuseContradictions({ ...flags, output });
    const { runExport } = await import('../onnx/runExport.ts');
    await runExport({ ...flags, output, outputDir: flags.output_dir }, () =>
      openBackend({ device: 'cpu', threads: flags.threads, amp: 'fp32', search: 'off' }),
    );
  });
}

function refuseContradictions(flags: ExportFlags): void {
  const { format, output, decode, input, batch, dynamicBatch, image, score, check, config } = flags;
  const ofOnnx = {
    '--decode': decode,
    '--input': input,
    '--batch': batch,
    '--dynamic-batch': dynamicBatch,
    '--image': image,
    '--score': score,
  };
  const foreign = Object.entries(ofOnnx).find(
    ([, value]) => value !== undefined && value !== false,
  );
  if (format === 'safetensors' && foreign) {
    throw usageError(`${foreign[0]} is for ONNX models. Leave it out with --format safetensors.`);
  }
  const ending = /\.(onnx|safetensors)$/.exec(output ?? '')?.[1];
  if (ending !== undefined && ending !== format) {
    throw usageError(
      `--output: expected a name that ends in .${format}, got '${output}'. Is --format ${ending} meant?`,
    );
  }
  if (dynamicBatch && batch !== undefined) {
    throw usageError('--batch: with --dynamic-batch any number goes. Leave one of them out.');
  }
  if (!check && (image || score)) {
    throw usageError(`${image ? '--image' : '--score'} is for the check. Leave out --no-check.`);
  }
  if (score && config === undefined) {
    throw usageError('--score: expected a config that names EvalDataset. Name one with -c.');
  }
}
