import { render, screen } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import Waits from './Waits.svelte';

test('every line says whom it is about, what is the matter, and how long still', () => {
  const until = Date.now() + 4_000;
  const wait = { registry: 'r.io', tries: [2, 4] as [number, number], requests: 2, until };
  render(Waits, {
    waits: [
      { ...wait, code: 'rate.limited', tries: null },
      { ...wait, registry: 'one.io', code: 'proxy.failed' },
      { ...wait, registry: 'two.io', code: 'registry.failed', requests: 1 },
      { ...wait, registry: 'three.io', code: 'net.reset', until: 0 },
    ],
  });
  const lines = screen.getAllByRole('listitem').map((line) => line.textContent.trim().replace(/\s+/g, ' '));
  expect(lines).toEqual([
    'r.io asks to slow down goes on in 4 sec 2 requests wait',
    expect.stringMatching(/^.+ \(one\.io\) trying again in 4 sec \(try 2 of 4\) 2 requests wait$/),
    'two.io answered with an error trying again in 4 sec (try 2 of 4) 1 request waits',
    expect.stringMatching(/three\.io.* trying again in 0 sec \(try 2 of 4\) 2 requests wait$/),
  ]);
});
