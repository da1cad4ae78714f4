// What the caller hands over at every run, checked.
import { inputError } from '../errors.ts';
import { elementCount, showShape, type Value } from '../graph/graph.ts';
import type { Feed, Feeds } from './backend.ts';

/** The feed for a value; throws where it is missing or has the wrong length. */
export function feedFor({ name, shape }: Value, feeds: Feeds): Feed {
  const given = feeds[name];
  if (given?.length === elementCount(shape)) return given;
  const came = given ? `${given.length} values` : 'nothing';
  throw inputError(`run: expected feed '${name}' of shape ${showShape(shape)}, got ${came}.`);
}
