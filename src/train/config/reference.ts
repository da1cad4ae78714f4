// The reference of all settings as Markdown, printed by `hrpose config --reference` and part of
// docs/configuration.md. It is made from the tables that read the config, so it cannot be out of date.
import type { Field, Fields } from './fields.ts';
import { rootFields } from './schema.ts';

interface Table {
  readonly title: string;
  readonly fields: Fields;
}

/** All tables, each once, sections first, then classes and operations. */
function tables(): Table[] {
  const sections: Table[] = [{ title: 'Top level', fields: rootFields }];
  const named = new Map<string, Fields>();
  const visit = (fields: Fields, path: string) => {
    for (const [key, { fields: inner, choices }] of Object.entries(fields)) {
      for (const [name, choice] of Object.entries(choices ?? {})) named.set(name, choice);
      if (inner === undefined) continue;
      sections.push({ title: `\`${path}${key}\``, fields: inner });
      visit(inner, `${path}${key}.`);
    }
  };
  visit(rootFields, '');
  const classes = [...named].map(([name, fields]) => ({ title: `\`${name}\``, fields }));
  return [...sections, ...classes];
}

function defaultText(fallback: unknown): string {
  if (fallback === undefined) return '';
  if (fallback === 1 / 3) return '1/3';
  return fallback === '' ? '' : `\`${JSON.stringify(fallback).replaceAll('"', '')}\``;
}

function row(key: string, { expected, fallback, doc, choices }: Field<unknown>): string {
  const shown = choices === undefined ? expected : Object.keys(choices).join(', ');
  return `| \`${key}\` | ${shown} | ${choices === undefined ? defaultText(fallback) : ''} | ${doc} |`;
}

function render({ title, fields }: Table): string {
  const rows = Object.entries(fields).filter(([, field]) => field.doc !== '');
  if (rows.length === 0) return '';
  const body = rows.map(([key, field]) => row(key, field)).join('\n');
  return `### ${title}\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n${body}\n`;
}

/** Markdown, one table a section. */
export function referenceText(): string {
  return tables().map(render).filter(Boolean).join('\n');
}
