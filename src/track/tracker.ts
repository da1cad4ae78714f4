// Who is who from frame to frame: poses are matched with the known people, moved to where they should
// be by now, by OKS and then, for those that are left, by the overlap of boxes. Plain data: a state
// goes in, a state and an id for every pose come out. Ids count up and are never given twice.
import { oksVariances } from '../eval/oks.ts';
import type { Box } from '../pose/estimate.ts';
import { assign } from './assignment.ts';
import { bodyArea, bodyBox, boxIou, sharedOks } from './body.ts';

/** A pose of the present frame. */
export interface SeenPerson {
  /** [K, 3] x, y in px, score. */
  readonly keypoints: ArrayLike<number>;
  /** That they were looked for in. */
  readonly box: Box;
  readonly score: number;
}

export interface TrackerOptions {
  /** [K] of the skeleton. */
  readonly oksSigmas: readonly number[];
  /** Keypoints with a lower score tell nothing about who somebody is. */
  readonly leastKeypointScore: number;
  /** A pose that matches nobody becomes somebody new from this score on. */
  readonly birthScore: number;
  /** Poses of one person have at least this OKS ... */
  readonly matchOks: number;
  /** ... or boxes that overlap by this much. */
  readonly matchIou: number;
  /** Somebody not seen for more frames than this is forgotten. */
  readonly lostFrames: number;
}

export const usualTracking: Omit<TrackerOptions, 'oksSigmas'> = {
  leastKeypointScore: 0.2,
  birthScore: 0.3,
  matchOks: 0.25,
  matchIou: 0.3,
  lostFrames: 30,
};

export interface Track {
  readonly id: number;
  /** [K, 3] as last seen. */
  readonly keypoints: Float32Array;
  /** Around the seen keypoints when last seen, px. */
  readonly box: Box;
  /** That they were looked for in then. */
  readonly searchBox: Box;
  /** Of the whole body, px/s. */
  readonly velocity: readonly [number, number];
  /** When last seen, s. */
  readonly time: number;
  /** Frames since then. */
  readonly lost: number;
}

export interface TrackerState {
  readonly tracks: readonly Track[];
  readonly nextId: number;
}

export const noTracks: TrackerState = { tracks: [], nextId: 1 };

/** s: a velocity is an average over about this long, ... */
const velocityMemory = 0.15;
/** ... and fades like this while somebody is not seen. */
const velocityFade = 0.5;

/** Where somebody should be at `time`, relative to where they were last seen, px. */
export function drift({ velocity: [vx, vy], time: seen }: Track, time: number): [number, number] {
  const reach = velocityFade * (1 - Math.exp(-(time - seen) / velocityFade));
  return [vx * reach, vy * reach];
}

/** ids: one for each of `people`, undefined for those that are too unsure to be somebody new. */
export function advanceTracks(
  { tracks, nextId }: TrackerState,
  people: readonly SeenPerson[],
  time: number,
  options: TrackerOptions,
): { readonly state: TrackerState; readonly ids: readonly (number | undefined)[] } {
  const owners = matchTracks(tracks, people, time, options);
  let free = nextId;
  const ids: (number | undefined)[] = [];
  const seen = people.flatMap((person, i) => {
    const track = owners[i] === undefined ? undefined : tracks[owners[i]];
    const born = track === undefined && person.score >= options.birthScore;
    const id = track?.id ?? (born ? free++ : undefined);
    ids.push(id);
    return id === undefined ? [] : [sighting(id, track, person, time, options)];
  });
  const missed = tracks
    .filter((_, t) => !owners.includes(t))
    .map((track) => ({ ...track, lost: track.lost + 1 }))
    .filter(({ lost }) => lost <= options.lostFrames);
  return { state: { tracks: [...seen, ...missed], nextId: free }, ids };
}

/** The index of the track of every person. */
function matchTracks(
  tracks: readonly Track[],
  people: readonly SeenPerson[],
  time: number,
  options: TrackerOptions,
): (number | undefined)[] {
  const variances = oksVariances(options.oksSigmas);
  const boxes = people.map((person) => boxOf(person, options));
  const expected = tracks.map((track) => moved(track, drift(track, time)));
  const owners: (number | undefined)[] = people.map(() => undefined);
  const free = () => ({
    people: people.map((_, i) => i).filter((i) => owners[i] === undefined),
    tracks: tracks.map((_, t) => t).filter((t) => !owners.includes(t)),
  });
  const match = (likeness: (t: number, i: number) => number, least: number) => {
    const left = free();
    const values = left.people.map((i) => left.tracks.map((t) => likeness(t, i)));
    assign(values, least).forEach((column, row) => {
      if (column >= 0) owners[left.people[row]!] = left.tracks[column]!;
    });
  };
  const oks = (t: number, i: number) => {
    const area = (bodyArea(expected[t]!.box) + bodyArea(boxes[i]!)) / 2;
    const [a, b] = [expected[t]!.keypoints, people[i]!.keypoints];
    return sharedOks(a, b, area, variances, options.leastKeypointScore) ?? 0;
  };
  match(oks, options.matchOks);
  const overlap = (t: number, i: number) =>
    Math.max(boxIou(expected[t]!.box, boxes[i]!), boxIou(expected[t]!.searchBox, people[i]!.box));
  match(overlap, options.matchIou);
  return owners;
}

const boxOf = ({ keypoints, box }: SeenPerson, { leastKeypointScore }: TrackerOptions): Box =>
  bodyBox(keypoints, leastKeypointScore) ?? box;

function moved({ keypoints, box, searchBox }: Track, [dx, dy]: readonly [number, number]) {
  const by = ([x, y, w, h]: Box): Box => [x + dx, y + dy, w, h];
  const there = keypoints.map((value, i) => value + ([dx, dy][i % 3] ?? 0));
  return { keypoints: there, box: by(box), searchBox: by(searchBox) };
}

function sighting(
  id: number,
  before: Track | undefined,
  person: SeenPerson,
  time: number,
  options: TrackerOptions,
): Track {
  const keypoints = Float32Array.from(person.keypoints);
  const velocity = before ? newVelocity(before, keypoints, time, options) : ([0, 0] as const);
  const { box: searchBox } = person;
  return { id, keypoints, box: boxOf(person, options), searchBox, velocity, time, lost: 0 };
}

/** Follows the middle displacement of the keypoints, which a waving arm does not move. */
function newVelocity(
  before: Track,
  keypoints: Float32Array,
  time: number,
  { leastKeypointScore }: TrackerOptions,
): readonly [number, number] {
  const dt = time - before.time;
  const steps: [number[], number[]] = [[], []];
  for (let i = 0; i < keypoints.length; i += 3) {
    if (Math.min(keypoints[i + 2]!, before.keypoints[i + 2]!) < leastKeypointScore) continue;
    steps[0].push(keypoints[i]! - before.keypoints[i]!);
    steps[1].push(keypoints[i + 1]! - before.keypoints[i + 1]!);
  }
  if (steps[0].length < 3 || !(dt > 0)) return before.velocity;
  const follow = dt / (dt + velocityMemory);
  const [vx, vy] = steps.map(middle) as [number, number];
  const [ux, uy] = before.velocity;
  return [ux + follow * (vx / dt - ux), uy + follow * (vy / dt - uy)];
}

const middle = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/**
 * Boxes to look in for the people who were seen in the last frame, at `time`: around their keypoints,
 * with the room that a detector's box has (the top of the head, hands, feet).
 */
export function expectedBoxes(
  state: TrackerState,
  time: number,
): { readonly id: number; readonly box: Box }[] {
  const room = 0.12;
  return state.tracks
    .filter(({ lost }) => lost === 0)
    .map((track) => {
      const [dx, dy] = drift(track, time);
      const [x, y, w, h] = track.box;
      const margin = room * Math.max(w, h);
      const box = [x + dx - margin, y + dy - margin, w + 2 * margin, h + 2 * margin] as const;
      return { id: track.id, box };
    });
}
