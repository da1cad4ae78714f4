// Where things lie that can be made or fetched again: measured choices, weights by address, crops,
// indices of annotations.
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `$HRPOSE_CACHE`, else `$XDG_CACHE_HOME/hrpose`, else `~/.cache/hrpose`. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { HRPOSE_CACHE: own, XDG_CACHE_HOME: shared } = environment;
  if (own) return own;
  // The XDG specification has relative paths ignored.
  return join(shared && isAbsolute(shared) ? shared : join(homedir(), '.cache'), 'hrpose');
}
