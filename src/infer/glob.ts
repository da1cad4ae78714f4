// File name patterns for shells that leave them alone: `*`, `?` and `[abc]` within a name, `**` for any
// number of folders. Names that start with a dot are found only by patterns that do.
import { type Dirent, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join, parse, sep } from 'node:path';

export const hasMagic = (pattern: string) => /[*?[]/.test(pattern);

/** Existing paths that a pattern means, folders too, in order of their names; each one once. */
export function glob(pattern: string): string[] {
  const { root } = parse(pattern);
  const segments = pattern
    .slice(root.length)
    .split(/[\\/]+/)
    .filter((part) => part !== '');
  return [...new Set(expand(isAbsolute(pattern) ? root : '', segments))];
}

function* expand(base: string, [first, ...rest]: readonly string[]): Generator<string> {
  if (first === undefined) {
    yield base;
  } else if (first === '**') {
    yield* expand(base, rest);
    for (const entry of entriesOf(base)) {
      // Links are not followed: they may lead in circles.
      if (entry.isDirectory() && !entry.name.startsWith('.'))
        yield* expand(join(base, entry.name), ['**', ...rest]);
    }
  } else if (hasMagic(first)) {
    const matches = nameMatcher(first);
    for (const { name } of entriesOf(base))
      if (matches(name)) yield* expand(join(base, name), rest);
  } else {
    const path = base === '' ? first : join(base, first);
    if (statSync(path, { throwIfNoEntry: false })) yield* expand(path, rest);
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    const entries = readdirSync(folder === '' ? `.${sep}` : folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return []; // Not a folder, or not ours to read: nothing in it is meant.
  }
}

function nameMatcher(pattern: string): (name: string) => boolean {
  const source = pattern.replace(/\*+|\?|\[(!?)([^\]]+)\]|[\\^$.|+(){}[\]]/g, (part, not, set) => {
    if (part.startsWith('*')) return '.*';
    if (part === '?') return '.';
    if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[\\^[]/g, '\\$&')}]`;
    return `\\${part}`;
  });
  const expression = new RegExp(`^${source}$`, 's');
  return (name) => expression.test(name) && (!name.startsWith('.') || pattern.startsWith('.'));
}
