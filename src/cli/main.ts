// The command line's frame: the table of commands, the help page and what happens with errors.
// A command's module is imported only when that command is asked for.
import type { Command } from 'commander';
import { HrposeError, usageError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';

interface CommandEntry {
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<{ command(): Command }>;
}

export const commands: readonly CommandEntry[] = [
  {
    name: 'train',
    group: 'Train and score',
    summary: 'train a network from a config file, resume, score while training',
    load: () => import('./train.ts'),
  },
  {
    name: 'eval',
    group: 'Train and score',
    summary: 'score weights on a data set: the 10 numbers of the COCO evaluation',
    load: () => import('./eval.ts'),
  },
  {
    name: 'cocoeval',
    group: 'Train and score',
    summary: 'score a result file (JSON) against COCO ground truth',
    load: () => import('./cocoeval.ts'),
  },
  {
    name: 'infer',
    group: 'Use',
    summary: "find people's keypoints in pictures and videos: draw them, write them as JSON",
    load: () => import('./infer.ts'),
  },
  {
    name: 'export',
    group: 'Use',
    summary: 'write a network as ONNX or safetensors for other programs, with proof',
    load: () => import('./export.ts'),
  },
  {
    name: 'data',
    group: 'Prepare',
    summary: 'make a synthetic data set (synth), fetch COCO (download), check one (check)',
    load: () => import('./data.ts'),
  },
  {
    name: 'weights',
    group: 'Prepare',
    summary: 'tell what a weights file holds (inspect), turn one kind into another (convert)',
    load: () => import('./weights.ts'),
  },
  {
    name: 'config',
    group: 'Prepare',
    summary: 'print the settings that a config file and -o options amount to',
    load: () => import('./config.ts'),
  },
  {
    name: 'doctor',
    group: 'Prepare',
    summary: 'tell whether this machine can train and what is missing',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'demo',
    group: 'See it work',
    summary: 'train a small network on synthetic people and score it, start to end',
    load: () => import('./demo.ts'),
  },
  {
    name: 'bench',
    group: 'See it work',
    summary: 'measure training, inference and loading speed',
    load: () => import('./bench.ts'),
  },
];

/** The page that `hrpose --help` prints. */
export function helpText(): string {
  const groups = [...new Set(commands.map((entry) => entry.group))];
  const table = groups.map((group) => {
    const rows = commands.filter((entry) => entry.group === group);
    return `${group}\n${rows.map((row) => `  ${row.name.padEnd(10)} ${row.summary}`).join('\n')}`;
  });
  return `hrpose: HRNet human-pose estimation, from data set to scores

Usage: hrpose <command> [options]        hrpose <command> --help for a command's options

${table.join('\n\n')}

Options for every command
  --json     machine-readable output: JSON, or one JSON object a line while work goes on
  --debug    print the stack with an error
  --version  print the version
  --help     print this page

Examples
  hrpose doctor
  hrpose demo
  hrpose train -c configs/keypoint/hrnet/hrnet_w32_384x288.yml --eval
  hrpose train -c CONFIG -o TrainReader.batch_size=32 epoch=100 -r output/CONFIG
  hrpose eval -c CONFIG -o weights=output/CONFIG/best_model
  hrpose infer -c CONFIG -o weights=output/CONFIG/best_model --image photos
  hrpose export -c CONFIG -o weights=output/CONFIG/best_model --decode
  hrpose weights convert hrnet_w32.pth hrnet_w32.pdparams

Exit codes: 0 done, 2 usage, 3 bad input, 4 environment, 5 numerical, 6 peer lost, 130 interrupted
`;
}

function find(name: string): CommandEntry {
  const entry = commands.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  const names = commands.map((candidate) => candidate.name);
  throw usageError(
    `unknown command '${name}'.${didYouMean(name, names)} 'hrpose --help' lists the commands.`,
  );
}

/** Errors of the argument parser are thrown, so that one place decides on the exit code. */
function throwInsteadOfExit(command: Command, path: string): void {
  command.exitOverride().showHelpAfterError(`'${path} --help' lists the options.`);
  for (const child of command.commands) throwInsteadOfExit(child, `${path} ${child.name()}`);
}

async function runCommand(entry: CommandEntry, args: readonly string[]): Promise<void> {
  const [{ Command }, module] = await Promise.all([import('commander'), entry.load()]);
  const program = new Command('hrpose')
    .option('--json', 'machine-readable output')
    .option('--debug', 'print the stack with an error');
  const command = module.command();
  program.addCommand(command);
  throwInsteadOfExit(program, 'hrpose');
  throwInsteadOfExit(command, `hrpose ${entry.name}`);
  command.addHelpText('after', '\nOptions for every command: --json, --debug');
  await program.parseAsync(args, { from: 'user' });
}

/** Runs one command line (without node and script name); throws what went wrong. */
async function dispatch(args: readonly string[]): Promise<void> {
  const position = args.findIndex((argument) => !argument.startsWith('-'));
  const flags = position < 0 ? args : args.slice(0, position);
  if (flags.includes('--version') || flags.includes('-V')) {
    const { packageVersion } = await import('../packageRoot.ts');
    process.stdout.write(`${packageVersion()}\n`);
    return;
  }
  const wantsHelp = flags.includes('--help') || flags.includes('-h');
  const unknown = flags.find((flag) => !['--help', '-h', '--json', '--debug'].includes(flag));
  if (unknown !== undefined && !wantsHelp)
    throw usageError(`unknown option '${unknown}' before the command. See 'hrpose --help'.`);
  if (position < 0 || wantsHelp || args[position] === 'help') {
    const topic =
      position < 0 ? undefined : args[args[position] === 'help' ? position + 1 : position];
    if (topic === undefined) {
      process.stdout.write(helpText());
      if (!wantsHelp && position < 0) process.exitCode = 2;
      return;
    }
    await runCommand(find(topic), [topic, '--help']);
    return;
  }
  await runCommand(find(args[position]!), args);
}

interface ParserError extends Error {
  readonly code: string;
  readonly exitCode: number;
}

const isParserError = (error: unknown): error is ParserError =>
  error instanceof Error && String((error as Partial<ParserError>).code).startsWith('commander.');

/** Prints an error as the command line shows it and gives the exit code that belongs to it. */
export function report(error: unknown, args: readonly string[]): number {
  if (isParserError(error)) return error.exitCode === 0 ? 0 : 2; // Already printed by the parser.
  const known = error instanceof HrposeError;
  const debug = args.includes('--debug');
  const message = error instanceof Error ? error.message : String(error);
  const exitCode = known ? error.exitCode : 1;
  const text = known
    ? message
    : `unexpected error: ${message}${debug ? '' : ' (run with --debug for the stack)'}`;
  if (args.includes('--json'))
    process.stderr.write(`${JSON.stringify({ event: 'error', message: text, exitCode })}\n`);
  else process.stderr.write(`error: ${text}\n`);
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (debug && error instanceof Error && error.cause instanceof Error)
    process.stderr.write(`caused by: ${error.cause.stack}\n`);
  return exitCode;
}

/** The whole life of a process: run, report, end. */
export async function run(args: readonly string[]): Promise<void> {
  const fail = (error: unknown) => {
    const code = report(error, args);
    if (code !== 0) process.exit(code);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  // A reader that stops early (`hrpose config ... | head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    fail(error);
  });
  try {
    await dispatch(args);
  } catch (error) {
    fail(error);
  }
}
