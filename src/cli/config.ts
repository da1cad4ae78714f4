// hrpose config: what a config file and -o options amount to, and what is wrong with them.
import { Command } from 'commander';
import type { Node } from 'js-yaml';
import { usageError } from '../errors.ts';
import { addConfigOptions } from './paddleFlags.ts';

interface ConfigFlags {
  readonly config?: string;
  readonly opt: string[];
  readonly reference?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples
  hrpose config -c configs/keypoint/hrnet/hrnet_w32_384x288.yml
  hrpose config -c CONFIG -o TrainReader.batch_size=32 LearningRate.schedulers.PiecewiseDecay.milestones=[90,120]
  hrpose config -c CONFIG --json
  hrpose config --reference`;

/** YAML with lists of numbers (and of pairs of them) on one line. */
async function toYaml(config: unknown): Promise<string> {
  const { COLLECTION_STYLE, dump, visit } = await import('js-yaml');
  const isFlat = (node: Node): boolean =>
    node.kind === 'scalar' || (node.kind === 'sequence' && node.items.every(isFlat));
  return dump(config, {
    noRefs: true,
    lineWidth: 100,
    transform: (documents) =>
      visit(documents, (node) => {
        if (node.kind === 'sequence' && isFlat(node)) node.style = COLLECTION_STYLE.FLOW;
      }),
  });
}

export function command(): Command {
  return addConfigOptions(new Command('config'), { required: false })
    .option('--reference', 'print what every setting is, as Markdown, instead')
    .summary('print the settings of a config file')
    .description(
      'Prints the whole config after _BASE_ files are merged and -o options applied, as YAML that is ' +
        'a config file again. Unknown settings are warned about on stderr. With --json also the typed ' +
        'settings that training and scoring work from.',
    )
    .addHelpText('after', examples)
    .action(async (_, cmd: Command) => {
      const { config, opt, json, reference } = cmd.optsWithGlobals<ConfigFlags>();
      if (reference) {
        const { referenceText } = await import('../train/config/reference.ts');
        process.stdout.write(referenceText());
        return;
      }
      if (config === undefined)
        throw usageError("config: name a config file with '-c FILE', or ask for '--reference'.");
      const { loadSettings } = await import('../train/config/index.ts');
      const { settings, warnings, resolved } = loadSettings(config, opt);
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
      if (json) {
        process.stdout.write(
          `${JSON.stringify({ settings, config: resolved, warnings }, null, 2)}\n`,
        );
        return;
      }
      process.stdout.write(await toYaml(resolved));
    });
}
