// The flags of PaddleDetection's tools, so that its command lines work here: what means the same is
// accepted, what has no counterpart gets one line that says what to use instead. Also the two options
// that every tool has, -c and -o.
import { type Command, Option } from 'commander';
import { usageError } from '../errors.ts';

/** Adds `-c FILE` and `-o key=value ...` (any number, repeatable); `-o` is an array of strings. */
export function addConfigOptions(command: Command, { required = true } = {}): Command {
  const config = new Option(
    '-c, --config <file>',
    'config file (YAML, as PaddleDetection has them)',
  );
  return command
    .addOption(config.makeOptionMandatory(required))
    .addOption(
      new Option(
        '-o, --opt <key=value...>',
        'override settings, as in TrainReader.batch_size=32',
      ).default([], 'none'),
    );
}

/** PaddleDetection's tools by name: train.py, eval.py, infer.py, export_model.py. */
export type PaddleTool = 'train' | 'eval' | 'infer' | 'export';

interface PaddleFlag {
  readonly tools: readonly PaddleTool[];
  /** As commander declares it. `<bool>` values are read as booleans: False means false. */
  readonly flags: string;
  /**
   * 'unused': accepted without a word; 'note': accepted, one line says so; 'refused': usage error;
   * 'same': another name of an option of ours, which it is unless that is given as well.
   */
  readonly treatment: 'unused' | 'note' | 'refused' | 'same';
  readonly advice: string;
  /** For 'same': our option, as its value is called, and the value. */
  readonly means?: (value: string) => readonly [option: string, value: unknown];
}

const all: readonly PaddleTool[] = ['train', 'eval', 'infer', 'export'];
const slicing = 'pictures are not cut into slices: people are found by boxes';

const table: readonly PaddleFlag[] = [
  {
    tools: all,
    flags: '--slim_config <file>',
    treatment: 'refused',
    advice: 'pruning and quantisation are not supported; leave the flag out',
  },
  {
    tools: ['train'],
    flags: '--enable_ce <bool>',
    treatment: 'unused',
    advice: 'every run is repeatable; the seed is an option of its own',
  },
  {
    tools: ['train'],
    flags: '--fleet',
    treatment: 'note',
    advice: "one process trains; '--accumulate K' makes batches K times as large",
  },
  {
    tools: ['train', 'infer'],
    flags: '--use_vdl <bool>',
    treatment: 'note',
    advice: "there is no VisualDL log; '--json' prints every number as a JSON line",
  },
  { tools: ['train', 'infer'], flags: '--vdl_log_dir <dir>', treatment: 'unused', advice: '' },
  {
    tools: ['train'],
    flags: '--use_wandb <bool>',
    treatment: 'note',
    advice: "nothing is sent anywhere; '--json' prints every number as a JSON line",
  },
  {
    tools: ['train', 'eval'],
    flags: '--save_prediction_only',
    treatment: 'note',
    advice: 'predictions are saved and scored',
  },
  {
    tools: ['train'],
    flags: '--profiler_options <text>',
    treatment: 'note',
    advice: "speed is measured by 'hrpose bench'",
  },
  { tools: ['train'], flags: '--save_proposals', treatment: 'unused', advice: '' },
  { tools: ['train'], flags: '--proposals_path <file>', treatment: 'unused', advice: '' },
  {
    tools: ['train'],
    flags: '--to_static',
    treatment: 'unused',
    advice: 'every network is compiled',
  },
  {
    tools: ['eval'],
    flags: '--json_eval',
    treatment: 'refused',
    advice: "a result file is scored by 'hrpose cocoeval'",
  },
  {
    tools: ['eval'],
    flags: '--output_eval <dir>',
    treatment: 'note',
    advice: "results go to save_dir; change it with '-o save_dir=DIR'",
  },
  { tools: ['eval'], flags: '--bias', treatment: 'unused', advice: '' },
  { tools: ['eval'], flags: '--classwise', treatment: 'unused', advice: 'there is one class' },
  { tools: ['eval', 'infer'], flags: '--slice_infer', treatment: 'refused', advice: slicing },
  { tools: ['eval', 'infer'], flags: '--slice_size <sizes...>', treatment: 'unused', advice: '' },
  {
    tools: ['eval', 'infer'],
    flags: '--overlap_ratio <ratios...>',
    treatment: 'unused',
    advice: '',
  },
  { tools: ['eval', 'infer'], flags: '--combine_method <name>', treatment: 'unused', advice: '' },
  {
    tools: ['eval', 'infer'],
    flags: '--match_threshold <number>',
    treatment: 'unused',
    advice: '',
  },
  { tools: ['eval', 'infer'], flags: '--match_metric <name>', treatment: 'unused', advice: '' },
  // The picture wins over the folder, as in infer.py: the first that stands here is taken.
  {
    tools: ['infer'],
    flags: '--infer_img <file>',
    treatment: 'same',
    advice: '',
    means: (value) => ['image', [value]],
  },
  {
    tools: ['infer'],
    flags: '--infer_dir <dir>',
    treatment: 'same',
    advice: '',
    means: (value) => ['image', [value]],
  },
  {
    tools: ['infer'],
    flags: '--infer_list <file>',
    treatment: 'refused',
    advice: "name pictures, folders or patterns with '--image'",
  },
  {
    tools: ['infer'],
    flags: '--output_dir <dir>',
    treatment: 'same',
    advice: '',
    means: (value) => ['output', value],
  },
  {
    tools: ['infer'],
    flags: '--draw_threshold <score>',
    treatment: 'same',
    advice: '',
    means: (value) => ['drawThreshold', parseScore('--draw_threshold')(value)],
  },
  {
    tools: ['infer'],
    flags: '--save_results <bool>',
    treatment: 'same',
    advice: '',
    means: (value) => ['saveJson', parseBoolean(value)],
  },
  {
    tools: ['infer'],
    flags: '--visualize <bool>',
    treatment: 'same',
    advice: '',
    means: (value) => ['draw', parseBoolean(value)],
  },
  {
    tools: ['infer'],
    flags: '--save_threshold <score>',
    treatment: 'note',
    advice: 'keypoints.json holds every keypoint with its score',
  },
  { tools: ['infer'], flags: '--do_eval <bool>', treatment: 'unused', advice: '' },
  { tools: ['infer'], flags: '--rtn_im_file <bool>', treatment: 'unused', advice: '' },
  {
    tools: ['export'],
    flags: '--export_serving_model <bool>',
    treatment: 'refused',
    advice: 'models are exported for running, not for Paddle Serving',
  },
  {
    tools: ['export'],
    flags: '--for_fd',
    treatment: 'refused',
    advice: 'FastDeploy packages are not written; leave the flag out',
  },
];

/** Python's idea of text as a boolean is that all of it is true; here it is read as it is meant. */
export function parseBoolean(text: string): boolean {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  if (/^(false|no|off|0|none)$/i.test(text)) return false;
  throw usageError(`expected true or false, got '${text.slice(0, 40)}'.`);
}

/** A score from 0 to 1, for an option; a usage error names the option. */
export const parseScore =
  (option: string) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d*\.?\d+$/.test(text) && value <= 1) return value;
    throw usageError(`${option}: expected a number from 0 to 1, got '${text.slice(0, 40)}'.`);
  };

const longName = (flags: string) => flags.split(' ')[0]!;

/** `--fleet` as typed, without the value. */
function isGiven(flag: PaddleFlag, value: unknown): boolean {
  if (value === undefined) return false;
  if (!flag.flags.endsWith('<bool>')) return true;
  try {
    return parseBoolean(String(value));
  } catch (error) {
    throw usageError(`${longName(flag.flags)}: ${(error as Error).message}`);
  }
}

function answer(flag: PaddleFlag, value: unknown, command: Command): void {
  if (flag.means && value !== undefined) {
    const [option, meant] = flag.means(String(value));
    if (command.getOptionValueSource(option) !== 'cli')
      command.setOptionValueWithSource(option, meant, 'cli');
    return;
  }
  if (!isGiven(flag, value) || flag.treatment === 'unused') return;
  const text = `${longName(flag.flags)}: ${flag.advice}.`;
  if (flag.treatment === 'refused') throw usageError(text);
  process.stderr.write(`note: ${text}\n`);
}

/**
 * Makes `command` understand the flags of a PaddleDetection tool, except those that it declares itself
 * before this is called. They are left out of the help page; unsupported ones are answered when the
 * command runs.
 */
export function addPaddleFlags(command: Command, tool: PaddleTool): Command {
  const own = new Set(command.options.map((option) => option.long));
  const added = table.filter((flag) => flag.tools.includes(tool) && !own.has(longName(flag.flags)));
  const options = added.map((flag) => {
    const option = new Option(flag.flags).hideHelp();
    command.addOption(option);
    return { flag, name: option.attributeName() };
  });
  return command.hook('preAction', (_, action) => {
    for (const { flag, name } of options) answer(flag, action.opts()[name], action);
  });
}
