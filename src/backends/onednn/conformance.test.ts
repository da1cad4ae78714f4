import { after, test } from 'node:test';
import { HrposeError } from '../../errors.ts';
import type { Backend } from '../backend.ts';
import { checkCase, conformanceCases } from '../conformance.ts';
import { createDnnlBackend } from './index.ts';

let backend: Backend | undefined;
let absent: string | undefined;
try {
  backend = createDnnlBackend();
} catch (error) {
  if (!(error instanceof HrposeError)) throw error;
  absent = error.message;
}
after(() => backend?.close());

for (const one of conformanceCases) {
  test(`onednn and reference agree: ${one.name}`, { skip: absent ?? false }, () =>
    checkCase(backend!, one),
  );
}
