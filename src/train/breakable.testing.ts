// A backend whose device is lost when a test says so; what it computes the real one inside computes. Used
// by tests only.
import type { Backend, Program, StateStore } from '../backends/backend.ts';
import { DeviceLost } from '../backends/faults.ts';
import { runInTurn } from '../backends/inTurn.ts';
import { environmentError } from '../errors.ts';

interface Device {
  lost: boolean;
}

interface BreakableStates extends StateStore {
  readonly real: StateStore;
}

/** @param breaks whether the device goes in the run of this number; all runs are counted, from 1 */
export function breakable(real: Backend, breaks: (run: number) => boolean): Backend {
  let runs = 0;
  let device: Device = { lost: false };
  return {
    ...real,
    createStates: () => statesOn(device, real.createStates()),
    prepare(graph, options = {}) {
      const on = device;
      const store = options.states as BreakableStates | undefined;
      const program = real.prepare(graph, { ...options, ...(store && { states: store.real }) });
      return programOn(on, program, () => {
        on.lost ||= breaks(++runs);
      });
    },
    runInTurn,
    async renew() {
      device = { lost: false };
    },
  };
}

function expectAlive({ lost }: Device): void {
  if (!lost) return;
  const cause = new DeviceLost('by a test');
  throw environmentError('gpu: the device was lost (by a test). Go on with --resume.', { cause });
}

function statesOn(device: Device, real: StateStore): BreakableStates {
  return {
    real,
    shapes: () => real.shapes(),
    async read(name) {
      expectAlive(device);
      return real.read(name);
    },
    write(name, values) {
      expectAlive(device);
      real.write(name, values);
    },
    close: () => real.close(),
  };
}

function programOn(device: Device, real: Program, beforeRun: () => void): Program {
  return {
    states: real.states,
    bytes: real.bytes,
    async run(feeds) {
      beforeRun();
      expectAlive(device);
      return real.run(feeds);
    },
    profile: (feeds) => real.profile(feeds),
    describe: () => real.describe(),
    close: () => real.close(),
  };
}
