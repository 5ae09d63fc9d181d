import { render, screen } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import type { Backend } from '../../backend/backend';
import type { Totals } from '../../backend/types';
import { NO_TOTALS, Run } from '../../state/run.svelte';
import Graph from './Graph.svelte';

function draw(totals: Partial<Totals>): void {
  const run = new Run({} as Backend, {
    id: 'r',
    profileId: 'p',
    profileName: 'P',
    kind: 'run',
    startedAt: '2026-11-24T12:00:00Z',
    endedAt: null,
    state: 'running',
    startedBy: 'app',
    proc: null,
    bandwidth: null,
    retryOf: null,
  });
  run.freeze({
    seq: 1,
    phase: 'copying',
    totals: { ...NO_TOTALS, ...totals },
    images: [],
    warnings: [],
    pulls: [],
    waits: [],
  });
  render(Graph, { run });
}
const text = (name: string): string => screen.getByTestId(`run-speed-${name}`).textContent ?? '';

test('the peak is no lower than the average, which is known earlier', () => {
  draw({ seconds: 0.4, bytesCopied: 520_000 });
  expect(text('average')).toBe('1.3 MB/s');
  expect(text('peak')).toBe('1.3 MB/s');
});

test('before there is a rate, none is told', () => {
  draw({});
  expect([text('average'), text('peak')]).toEqual(['–', '–']);
});
