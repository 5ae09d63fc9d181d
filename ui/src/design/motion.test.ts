import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const SOURCE = join(import.meta.dirname, '..');

test('what moves stands still for those who want no motion', () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(svelte|css)$/.test(file),
  );
  const moving = files.flatMap((file) => {
    const text = readFileSync(join(SOURCE, file), 'utf8');
    if (text.includes('prefers-reduced-motion')) return [];
    const rules = text.match(/(?:transition|animation):[^;]+;/g) ?? [];
    return rules.filter((rule) => !/var\(--(quick|calm)\)/.test(rule)).map((rule) => `${file}: ${rule}`);
  });
  expect(files.length).toBeGreaterThan(50);
  expect(moving).toEqual([]);
});
