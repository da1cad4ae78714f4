// A JSON file that a person named, read whole, with errors that can be acted on.
import { readFile, stat } from 'node:fs/promises';
import { HrposeError, inputError } from '../errors.ts';

/** Text beyond this many bytes cannot be held as one string. */
const MAX_BYTES = 512 * 1024 * 1024 - 64;

export async function readJson(file: string): Promise<unknown> {
  return parseJson(await readText(file), file);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
};

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) {
      throw inputError(`${file}: expected at most ${MAX_BYTES} bytes of JSON, got ${size}`);
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof HrposeError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = reasons[code ?? ''] ?? message;
    throw inputError(`${file}: cannot be read: ${reason}. Check the path.`, { cause: error });
  }
}

/**
 * Python writes NaN and Infinity, which JSON has not. Where a file holds any they are read as
 * text, so that the check of its fields can tell which entry has them.
 */
function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const withoutNan = text.replace(/([[:,]\s*)(NaN|-?Infinity)(?=\s*[,\]}])/g, '$1"$2"');
    try {
      if (withoutNan !== text) return JSON.parse(withoutNan);
    } catch {
      // Broken in another way as well: the first message is as good.
    }
    const { message } = error as SyntaxError;
    throw inputError(
      `${file}: expected JSON, got ${text.length} characters that are not: ${message}. ` +
        'Is the file complete?',
      { cause: error },
    );
  }
}
