// A config file and its `-o` options to settings: read, merge bases, override, check, resolve.
import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { HrposeError, inputError } from '../../errors.ts';
import type { Skeleton } from '../../pose/skeleton.ts';
import { parseSkeleton } from '../../pose/skeletons.ts';
import type { Settings } from '../settings.ts';
import { loadConfigTree } from './merge.ts';
import { type MapNode, toPlain } from './node.ts';
import { applyOverrides } from './overrides.ts';
import { resolveSettings } from './resolve.ts';
import { readRoot } from './root.ts';
import { parseYaml } from './yaml.ts';

export interface LoadedSettings {
  readonly settings: Settings;
  /** Unknown keys and settings without effect, one sentence each. */
  readonly warnings: string[];
  /**
   * The whole config after merging and overriding, as plain data under PaddleDetection's names; a
   * tagged object carries its class as `name`. Written as YAML it is a config file again.
   */
  readonly resolved: unknown;
}

function readSkeletonText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw inputError(
      `skeleton: cannot read '${file}': ${code === 'ENOENT' ? 'no such file' : message}. The path is relative to the working directory.`,
    );
  }
}

function readSkeletonFile(file: string): Skeleton {
  const text = readSkeletonText(file);
  try {
    return parseSkeleton(JSON.parse(text), file);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw inputError(`skeleton: '${file}' is not valid JSON: ${error.message}.`, { cause: error });
  }
}

/** Settings of a config file (YAML) with `overrides` of the form `a.b=value` on top. */
export function loadSettings(file: string, overrides: readonly string[]): LoadedSettings {
  const warnings: string[] = [];
  try {
    const tree = applyOverrides(loadConfigTree(file, warnings), overrides, warnings);
    const settings = settingsOfTree(tree, file, warnings);
    return { settings, warnings, resolved: toPlain(tree) };
  } catch (error) {
    throw withWarnings(error, warnings);
  }
}

/**
 * Settings of a config that was resolved before and kept as data, as a checkpoint does.
 * @param where what holds it, for messages; its base name becomes the settings' name
 */
export function settingsOfResolved(resolved: unknown, where: string): Settings {
  const warnings: string[] = [];
  try {
    // JSON is YAML; only maps have a tag or a class, and those carry it as `name`.
    const tree = parseYaml(JSON.stringify(resolved) ?? 'null', where, warnings);
    if (tree.kind !== 'map') throw inputError(`${where}: holds no settings.`);
    return settingsOfTree(tree, where, warnings);
  } catch (error) {
    throw withWarnings(error, warnings);
  }
}

function settingsOfTree(tree: MapNode, file: string, warnings: string[]): Settings {
  const root = readRoot(tree, warnings);
  const skeleton = root.skeleton === undefined ? undefined : readSkeletonFile(root.skeleton);
  return resolveSettings(root, basename(file, extname(file)), skeleton);
}

/** A setting that is missing is often one that is misspelt: the warnings belong to the error. */
function withWarnings(error: unknown, warnings: readonly string[]): unknown {
  if (!(error instanceof HrposeError) || warnings.length === 0) return error;
  const message = [error.message, ...warnings.map((w) => `  also: ${w}`)].join('\n');
  return new HrposeError(error.exitCode, message, { cause: error });
}
