// People followed through a video: an id for every pose, and keypoints that do not tremble. Joins
// tracker.ts and oneEuro.ts; pure, like them.
import { bodyBox, bodySize } from './body.ts';
import { type OneEuroOptions, type OneEuroState, oneEuro } from './oneEuro.ts';
import {
  advanceTracks,
  noTracks,
  type SeenPerson,
  type TrackerOptions,
  type TrackerState,
} from './tracker.ts';

export interface FollowOptions {
  readonly tracking: TrackerOptions;
  /** Left out, keypoints stay as they are. */
  readonly smoothing?: OneEuroOptions;
}

export interface FollowState {
  readonly tracks: TrackerState;
  readonly filters: ReadonlyMap<number, OneEuroState>;
}

export const nobodyYet: FollowState = { tracks: noTracks, filters: new Map() };

export interface FollowedPerson {
  /** undefined for somebody too unsure to be followed. */
  readonly id: number | undefined;
  /** [K, 3] */
  readonly keypoints: Float32Array;
}

/** people: those of one frame at `time` (s, rising); results are in their order. */
export function followPeople(
  { tracks, filters }: FollowState,
  people: readonly SeenPerson[],
  time: number,
  { tracking, smoothing }: FollowOptions,
): { readonly state: FollowState; readonly people: readonly FollowedPerson[] } {
  const { state, ids } = advanceTracks(tracks, people, time, tracking);
  const known = new Set(state.tracks.map(({ id }) => id));
  const after = new Map([...filters].filter(([id]) => known.has(id)));
  const followed = people.map(({ keypoints, box }, i) => {
    const id = ids[i];
    if (id === undefined || !smoothing) return { id, keypoints: Float32Array.from(keypoints) };
    const size = bodySize(bodyBox(keypoints, tracking.leastKeypointScore) ?? box);
    const filter = oneEuro(filters.get(id), keypoints, time, size, smoothing);
    after.set(id, filter);
    return { id, keypoints: filter.keypoints };
  });
  return { state: { tracks: state, filters: after }, people: followed };
}
