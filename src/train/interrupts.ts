// Ctrl-C: the first one asks the work to end in good order, a second one ends the process at once.

export interface Interrupts {
  /** How often the user has asked to stop. */
  readonly count: number;
  close(): void;
}

/** `stopping` is what the first Ctrl-C is answered with. */
export function watchInterrupts(stopping = 'stopping after this step'): Interrupts {
  let count = 0;
  const onSignal = () => {
    count++;
    if (count > 1) process.exit(130);
    process.stderr.write(`${stopping}; press Ctrl-C again to stop at once\n`);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    get count() {
      return count;
    },
    close() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
