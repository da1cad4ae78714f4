// The command line's frame: the table of commands, the help page and what happens with errors.
// A command's module is imported only when that command is asked for.
import type { Command } from 'commander';
import { environmentError, HrposeError, usageError } from '../errors.ts';
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

/**
 * Readies a command and its subcommands: errors of the argument parser are thrown, so that one place
 * decides on the exit code and, with --json, on the form.
 */
function adopt(command: Command, path: string, json: boolean): void {
  command.exitOverride().showHelpAfterError(`'${path} --help' lists the options.`);
  command.allowExcessArguments(); // refuseExcess says which.
  if (json) command.configureOutput({ writeErr: () => {} });
  if (path.includes(' '))
    command.addHelpText('after', '\nOptions for every command: --json, --debug');
  for (const child of command.commands) adopt(child, `${path} ${child.name()}`, json);
}

/** An empty value is mostly a shell variable that is not set: the next best place is no answer to it. */
function refuseEmptyValues(command: Command): void {
  const isEmpty = (value: unknown) =>
    value === '' || (Array.isArray(value) && value.some((item) => item === ''));
  const option = command.options.find((each) =>
    isEmpty(command.getOptionValue(each.attributeName())),
  );
  const name = option?.long ?? (isEmpty(command.args) ? command.name() : undefined);
  if (name !== undefined)
    throw usageError(`${name}: expected a value, got an empty one. Is a shell variable not set?`);
}

function refuseExcess(command: Command): void {
  const excess = command.args[command.registeredArguments.length];
  if (excess === undefined) return;
  const name = command.name();
  const setting = excess.includes('=') && command.options.some(({ long }) => long === '--opt');
  const advice = setting ? 'Settings go behind -o.' : `See 'hrpose help ${pathOf(command)}'.`;
  throw usageError(`${name}: unexpected '${excess}'. ${advice}`);
}

/** `data synth` */
const pathOf = (command: Command): string =>
  command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

async function runCommand(
  entry: CommandEntry,
  args: readonly string[],
  json = false,
): Promise<void> {
  const [{ Command }, module] = await Promise.all([import('commander'), entry.load()]);
  const program = new Command('hrpose')
    .option('--json', 'machine-readable output')
    .option('--debug', 'print the stack with an error')
    .hook('preAction', (_, action) => {
      refuseEmptyValues(action);
      refuseExcess(action);
    });
  program.addCommand(module.command());
  adopt(program, 'hrpose', json);
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
    const after = position < 0 ? [] : args.slice(position + (args[position] === 'help' ? 1 : 0));
    const [topic, ...subcommands] = after.filter((word) => !word.startsWith('-'));
    if (topic === undefined) {
      process.stdout.write(helpText());
      if (!wantsHelp && position < 0) process.exitCode = 2;
      return;
    }
    await runCommand(find(topic), [topic, ...subcommands.slice(0, 1), '--help']);
    return;
  }
  await runCommand(find(args[position]!), args, args.includes('--json'));
}

interface ParserError extends Error {
  readonly code: string;
  readonly exitCode: number;
}

const isParserError = (error: unknown): error is ParserError =>
  error instanceof Error && String((error as Partial<ParserError>).code).startsWith('commander.');

/** The parser has printed it already, or the help page, unless --json asks for another form. */
function reportParserError({ code, exitCode, message }: ParserError, json: boolean): number {
  if (exitCode === 0) return 0;
  const text =
    code === 'commander.help'
      ? "expected a subcommand, got none. '--help' lists them."
      : message.replace(/^error: /, '');
  if (json) printJsonError(text, 2);
  return 2;
}

const printJsonError = (message: string, exitCode: number) =>
  process.stderr.write(`${JSON.stringify({ event: 'error', message, exitCode })}\n`);

/** What the system says no to is no bug, wherever it comes up. */
const isRefusal = (error: unknown): error is Error =>
  error instanceof Error &&
  'syscall' in error &&
  /^(EACCES|EPERM|EROFS|ENOSPC|EDQUOT|EIO|EMFILE|ENFILE|ENOTDIR|EISDIR)$/.test(
    String((error as NodeJS.ErrnoException).code),
  );

function messageOf(error: unknown): string {
  if (isRefusal(error))
    return `the system refused: ${error.message}. Check the path, its permissions and the disk.`;
  return error instanceof Error ? error.message : String(error);
}

/** Prints an error as the command line shows it and gives the exit code that belongs to it. */
export function report(error: unknown, args: readonly string[]): number {
  if (isParserError(error)) return reportParserError(error, args.includes('--json'));
  const known = error instanceof HrposeError || isRefusal(error);
  const debug = args.includes('--debug');
  const message = messageOf(error);
  const exitCode = error instanceof HrposeError ? error.exitCode : known ? 4 : 1;
  const text = known
    ? message
    : `unexpected error: ${message}${debug ? '' : ' (run with --debug for the stack)'}`;
  if (args.includes('--json')) printJsonError(text, exitCode);
  else process.stderr.write(`error: ${text}\n`);
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  if (debug && error instanceof Error && error.cause instanceof Error)
    process.stderr.write(`caused by: ${error.cause.stack}\n`);
  return exitCode;
}

/**
 * A reader that stops early (`hrpose config ... | head`) is no error. Work that can be ended in good
 * order ends as by Ctrl-C, all other goes on to its end, so that the exit code tells what was done.
 */
function watchOutput(fail: (error: unknown) => void): void {
  let closed = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (closed) return;
    closed = true;
    if (error.code === 'EPIPE') process.emit('SIGINT');
    else fail(environmentError(`standard output: ${error.message}. Check where it goes to.`));
  });
  process.stderr.on('error', () => {}); // There is no place left to tell it.
}

/** The whole life of a process: run, report, end. */
export async function run(args: readonly string[]): Promise<void> {
  const fail = (error: unknown) => {
    const code = report(error, args);
    if (code !== 0) process.exit(code);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  watchOutput(fail);
  try {
    await dispatch(args);
  } catch (error) {
    fail(error);
  }
}
