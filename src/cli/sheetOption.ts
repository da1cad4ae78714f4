// --sheet, the same for the commands that draw one.
import { Option } from 'commander';
import { usageError } from '../errors.ts';

function sheetName(text: string): string {
  if (/.\.(png|jpe?g)$/i.test(text)) return text;
  throw usageError(`--sheet: expected a name that ends in .png or .jpg, got '${text.slice(-40)}'.`);
}

export const sheetOption = (description: string): Option =>
  new Option('--sheet <file>', `${description} (PNG or JPEG)`).argParser(sheetName);
