// PaddleDetection's files say some things in several places. All places that do must agree.
import { failAt, placeOf } from './fields.ts';
import { type MapNode, type Place, placeText } from './node.ts';

/** One of several places that say the same thing. */
interface Claim<T> {
  readonly value: T | undefined;
  readonly place: Place;
}

/** The value that all claims agree on, undefined if there is none. */
export function agree<T>(
  what: string,
  claims: readonly Claim<T>[],
): { value: T; place: Place } | undefined {
  const made = claims.filter(
    (claim): claim is { value: T; place: Place } => claim.value !== undefined,
  );
  const first = made[0];
  for (const claim of made.slice(1)) {
    const [a, b] = [JSON.stringify(first!.value), JSON.stringify(claim.value)];
    if (a !== b)
      failAt(
        claim.place,
        `${what} is ${b} here but ${a} at ${placeText(first!.place)}. Make them the same.`,
      );
  }
  return first;
}

/** The claims about `key` in each of the sections that have it. */
export function claims<T>(
  key: string,
  sections: readonly ({ readonly $node: MapNode | undefined } | undefined)[],
): Claim<T>[] {
  return sections.flatMap((values) =>
    values === undefined
      ? []
      : [
          {
            value: (values as unknown as Record<string, T | undefined>)[key],
            place: placeOf(values, key),
          },
        ],
  );
}
