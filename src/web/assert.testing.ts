// What the checks that run in Node as well as in a page need of node:assert, for a page.
const show = (value: unknown) => JSON.stringify(value)?.slice(0, 500);

function ok(value: unknown, message = 'expected something true'): asserts value {
  if (!value) throw new Error(message);
}

function deepEqual(actual: unknown, expected: unknown, message?: string): void {
  ok(show(actual) === show(expected), message ?? `${show(actual)}, expected ${show(expected)}`);
}

export default { ok, deepEqual, equal: deepEqual };
