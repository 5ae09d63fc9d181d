import { beforeEach, expect, test, vi } from 'vitest';
import type { Backend } from '../../backend/backend';
import type { ImageState, ImageStatus } from '../../backend/types';
import { NO_TOTALS, Run } from '../../state/run.svelte';
import { groups } from '../run/groups';
import { factsOf, ImagesView } from './view.svelte';

const image = (id: number, status: ImageStatus, part: Partial<ImageState> = {}): ImageState => ({
  id,
  source: `quay.io/Team/app:${id}`,
  destination: `r.io/app:${id}`,
  status,
  action: null,
  plan: null,
  bytesTotal: 0,
  bytesCopied: 0,
  bytesInFlight: 0,
  bytesMounted: 0,
  bytesPresent: 0,
  replaces: null,
  sourceAccount: null,
  destinationAccount: null,
  reason: null,
  error: null,
  ...part,
});

beforeEach(() => void vi.stubGlobal('requestAnimationFrame', (work: () => void) => work()));

function view(kind: 'plan' | 'run', images: ImageState[]): ImagesView {
  const run = new Run({} as Backend, {
    id: 'r',
    profileId: 'p',
    profileName: 'P',
    kind,
    startedAt: '',
    endedAt: null,
    state: 'running',
    startedBy: 'app',
    proc: null,
    bandwidth: null,
    retryOf: null,
  });
  run.push({ seq: 1, phase: 'copying', totals: NO_TOTALS, images, warnings: [], pulls: [] });
  return new ImagesView(run);
}

const lines = (view: ImagesView): number[] => Array.from({ length: view.count }, (_, line) => line);
const ids = (view: ImagesView): number[] => lines(view).map((line) => view.imageAt(line)?.id ?? -1);
const STATES: ImageStatus[] = ['copied', 'waiting', 'failed', 'copying', 'skipped', 'copying'];

test('a run shows what is under way first, then failures, then what waits, then what is done', () => {
  expect(
    ids(
      view(
        'run',
        STATES.map((status, id) => image(id, status)),
      ),
    ),
  ).toEqual([3, 5, 2, 1, 0, 4]);
});

test('a plan keeps the order of its rules', () => {
  expect(
    ids(
      view(
        'plan',
        STATES.map((status, id) => image(id, status)),
      ),
    ),
  ).toEqual([0, 1, 2, 3, 4, 5]);
});

test('filters by state and text together, whatever the case', () => {
  const shown = view(
    'run',
    STATES.map((status, id) => image(id, status)),
  );
  shown.filter = 'active';
  expect(ids(shown)).toEqual([3, 5]);
  shown.text = ' TEAM/app:5 ';
  expect(ids(shown)).toEqual([5]);
  shown.text = 'nowhere';
  expect(ids(shown)).toEqual([]);
});

test('rows that have not been told of yet are left out', () => {
  expect(ids(view('plan', [image(0, 'planned'), image(3, 'planned')]))).toEqual([0, 3]);
});

test('an open row has its facts under it', () => {
  const shown = view('plan', [
    image(0, 'planned', { plan: { action: 'copy', bytes_to_move: 1, bytes_present: 2, bytes_mountable: 3 } }),
    image(1, 'failed', { error: { code: 'x', message: 'm', hint: '' } }),
  ]);
  shown.toggle(0, true);
  expect(lines(shown).map((line) => shown.factAt(line))).toEqual([
    null,
    'source',
    'destination',
    'move',
    'present',
    'mountable',
    null,
  ]);
  expect(shown.children).toEqual([1, 2, 3, 4, 5]);
  shown.toggle(0, false);
  expect(shown.count).toBe(2);
});

test('a failure tells the problem first', () => {
  const failed = image(0, 'failed', { error: { code: 'x', message: 'm', hint: '' }, bytesCopied: 5 });
  expect(factsOf(failed)).toEqual(['problem', 'remedy', 'details', 'source', 'destination', 'copied']);
});

test('20 000 rows are put in order, the text filter included', () => {
  const many = Array.from({ length: 20_000 }, (_, id) => image(id, STATES[id % STATES.length] ?? 'waiting'));
  const shown = view('run', many);
  shown.text = 'app:1';
  // what counts in milliseconds is measured by `npm run bench`
  const ids = shown.images().map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(1000);
  expect(new Set(ids).size).toBe(ids.length);
  const states = shown.images().map(({ status }) => status);
  expect(states.indexOf('copied')).toBeGreaterThan(states.lastIndexOf('copying'));
});

test('one cause is told once, the most frequent first', () => {
  const error = (code: string, message: string) => ({ error: { code, message, hint: '' } });
  const found = groups([
    image(0, 'failed', error('quota.exceeded', 'a')),
    image(1, 'failed', error('auth.rejected', 'b')),
    image(2, 'failed', error('auth.rejected', 'b')),
    image(3, 'copied'),
  ]);
  expect(found.map(({ code, images, detail }) => [code, images.length, detail])).toEqual([
    ['auth.rejected', 2, 'b'],
    ['quota.exceeded', 1, 'a'],
  ]);
});
