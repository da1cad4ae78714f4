// Which states there are and where each lies: a state's layout is the one that the first program to use
// it wants; states of one role that were placed together lie side by side, those of parameters in the
// parameters' order, so that the optimizer makes one pass over all of them.
import type { Shape, State, StateRole } from '../../graph/graph.ts';
import { expectState } from '../namedStates.ts';
import type { BufferRange } from './kernel.ts';
import { type Layout, layoutBytes } from './layout.ts';

export interface StateEntry {
  readonly name: string;
  readonly role: StateRole;
  /** Position among all states, of the parameter that it belongs to where it does. */
  readonly order: number;
  readonly shape: Shape;
  readonly layout: Layout;
  readonly bytes: number;
  range?: BufferRange;
}

/** What any adapter accepts as the offset of a binding. */
const bindingAlignment = 256;
export const aligned = (bytes: number): number =>
  Math.ceil(bytes / bindingAlignment) * bindingAlignment;

export class StateTable {
  readonly #entries = new Map<string, StateEntry>();
  readonly #most: number;
  readonly #allocate: (label: string, bytes: number) => GPUBuffer;

  /**
   * @param most bytes of a buffer
   * @param allocate makes one, zeroed
   */
  constructor(most: number, allocate: (label: string, bytes: number) => GPUBuffer) {
    this.#most = most;
    this.#allocate = allocate;
  }

  /** The entry of a state; one that is not there yet takes this layout. Memory comes with place(). */
  declare({ name, role, like }: State, shape: Shape, ifNew: Layout): StateEntry {
    const known = this.#entries.get(name);
    if (known) return known;
    const parameter = like === undefined ? undefined : this.#entries.get(like);
    const layout = shape.length < 4 ? 'plain' : (parameter?.layout ?? ifNew);
    const bytes = layoutBytes(shape, layout);
    const order = parameter?.order ?? this.#entries.size;
    const entry: StateEntry = { name, role, order, shape, layout, bytes };
    this.#entries.set(name, entry);
    return entry;
  }

  /** Gives memory to those of these states that have none: one buffer a role, more where one is too small. */
  place(states: readonly State[]): void {
    const fresh = new Map<StateRole, StateEntry[]>();
    for (const { name } of states) {
      const entry = this.#entries.get(name);
      if (!entry || entry.range) continue;
      fresh.set(entry.role, [...(fresh.get(entry.role) ?? []), entry]);
    }
    for (const [role, entries] of fresh) {
      entries.sort((a, b) => a.order - b.order);
      for (const group of this.#groups(entries)) this.#fill(role, group);
    }
  }

  rangeOf(name: string): BufferRange {
    const { range } = this.entry(name);
    if (!range) throw new Error(`state '${name}' has no memory yet`);
    return range;
  }

  entry(name: string): StateEntry {
    return expectState(name, this.#entries.get(name));
  }

  shapes(): ReadonlyMap<string, Shape> {
    return new Map([...this.#entries.values()].map(({ name, shape }) => [name, shape]));
  }

  clear(): void {
    this.#entries.clear();
  }

  /** Neighbours that fit into one buffer. */
  #groups(entries: readonly StateEntry[]): StateEntry[][] {
    const groups: StateEntry[][] = [[]];
    let bytes = 0;
    for (const entry of entries) {
      const size = aligned(entry.bytes);
      if (bytes > 0 && bytes + size > this.#most) {
        groups.push([]);
        bytes = 0;
      }
      groups.at(-1)!.push(entry);
      bytes += size;
    }
    return groups;
  }

  #fill(role: StateRole, entries: readonly StateEntry[]): void {
    const total = entries.reduce((sum, { bytes }) => sum + aligned(bytes), 0);
    const buffer = this.#allocate(`${role}s`, total);
    let offset = 0;
    for (const entry of entries) {
      entry.range = { buffer, offset, bytes: entry.bytes };
      offset += aligned(entry.bytes);
    }
  }
}
