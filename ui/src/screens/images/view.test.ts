import { beforeEach, expect, test, vi } from 'vitest';
import type { Backend } from '../../backend/backend';
import type { ImageParts, ImageState, ImageStatus } from '../../backend/types';
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
  order: [0, 0, 0, 0],
  sourceAccount: null,
  destinationAccount: null,
  reason: null,
  error: null,
  ...part,
});

beforeEach(() => void vi.stubGlobal('requestAnimationFrame', (work: () => void) => work()));

const NO_PARTS = { runsParts: async () => null } as unknown as Backend;

function view(kind: 'plan' | 'run', images: ImageState[], backend = NO_PARTS): ImagesView {
  const run = new Run(backend, {
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
  run.push({ seq: 1, phase: 'copying', totals: NO_TOTALS, images, warnings: [], pulls: [], waits: [] });
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

const PARTS: ImageParts = {
  manifests: [
    { digest: 'sha256:00', role: 'index', platform: null, size: 10, blobs: [] },
    { digest: 'sha256:01', role: 'image', platform: 'linux/amd64', size: 10, blobs: [0, 1] },
    { digest: 'sha256:02', role: 'image', platform: 'linux/arm64', size: 10, blobs: [2, 1] },
  ],
  blobs: [0, 1, 2].map((n) => ({
    digest: `sha256:b${n}`,
    config: n !== 1,
    size: n + 1,
    status: 'waiting' as const,
    inFlight: 0,
  })),
};

test('under the facts of an open row are its platforms, and under an open one its blobs', async () => {
  let asked = 0;
  const backend = {
    runsParts: async (run: string, id: number): Promise<ImageParts | null> => {
      asked += 1;
      return run === 'r' && id === 1 ? PARTS : null;
    },
  } as unknown as Backend;
  const shown = view('run', [image(0, 'copied'), image(1, 'copied')], backend);
  const parts = (): (string | null)[] =>
    lines(shown).map((line) => {
      const part = shown.partAt(line);
      return part ? (part.blob ?? part.manifest).digest : null;
    });
  expect(asked).toBe(0);
  shown.toggle(0, true);
  shown.toggle(1, true);
  await vi.waitFor(() => expect(shown.run.parts.of(1)).not.toBeNull());
  const facts = [null, null, null];
  expect(parts()).toEqual([...facts, ...facts, 'sha256:00', 'sha256:01', 'sha256:02']);
  const amd64 = parts().indexOf('sha256:01');
  const arm64 = shown.keyAt(amd64 + 1);
  shown.toggleManifest(amd64, true);
  expect(parts().slice(6)).toEqual(['sha256:00', 'sha256:01', 'sha256:b0', 'sha256:b1', 'sha256:02']);
  expect(shown.isManifestOpen(amd64)).toBe(true);
  // a line is found by its key wherever it has moved; a shared blob has a key under each platform
  expect(shown.lineOf(arm64)).toBe(amd64 + 3);
  shown.toggleManifest(amd64 + 3, true);
  const keys = lines(shown).map((line) => shown.keyAt(line));
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.map((key) => shown.lineOf(key))).toEqual(lines(shown));
  expect(shown.children).toEqual([1, 2, ...lines(shown).slice(4)]);
  shown.toggle(1, false);
  expect(shown.count).toBe(4);
});

test('an open row is asked for again when it has got on, and not otherwise', async () => {
  const asked: number[] = [];
  const backend = {
    runsParts: async (_: string, id: number): Promise<ImageParts | null> => {
      asked.push(id);
      return PARTS;
    },
  } as unknown as Backend;
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const shown = view('run', [image(0, 'copying'), image(1, 'copying')], backend);
  shown.toggle(0, true);
  shown.refresh();
  shown.refresh();
  await vi.advanceTimersByTimeAsync(2000);
  // once when it was opened, and once more because it may have changed in between
  expect(asked).toEqual([0, 0]);
  shown.refresh();
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked).toEqual([0, 0]);
  const images = [image(0, 'copying', { bytesCopied: 5 }), image(1, 'copying', { bytesCopied: 5 })];
  shown.run.push({ seq: 2, phase: 'copying', totals: NO_TOTALS, images, warnings: [], pulls: [], waits: [] });
  shown.refresh();
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked).toEqual([0, 0, 0]);
  vi.useRealTimers();
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

test('rows stand as they come until no more come, then in the order of the rules', () => {
  const shown = view('plan', [
    image(0, 'planned', { order: [1, 0, 0, 0] }),
    image(1, 'planned', { order: [0, 0, 1, 0] }),
    image(2, 'resolving', { order: [0, 0, 0, 10] }),
    image(3, 'planned', { order: [0, 0, 0, 9] }),
  ]);
  expect(ids(shown)).toEqual([0, 1, 2, 3]);
  const last = [image(2, 'planned', { order: [0, 0, 0, 10] })];
  shown.run.push({
    seq: 2,
    phase: 'done',
    totals: NO_TOTALS,
    images: last,
    warnings: [],
    pulls: [],
    waits: [],
  });
  expect(ids(shown)).toEqual([3, 2, 1, 0]);
  shown.toggle(2, true);
  expect(shown.lineOf(shown.keyAt(1))).toBe(1);
  expect([shown.imageAt(2)?.id, shown.imageAt(shown.count - 1)?.id]).toEqual([2, 0]);
});

test('a comparison that is opened late is in order too, however many rows it has', () => {
  const many = Array.from({ length: 200 }, (_, id) => image(id, 'planned', { order: [0, 0, 0, 200 - id] }));
  const late = view('plan', many);
  late.run.push({ seq: 2, phase: 'done', totals: NO_TOTALS, images: [], warnings: [], pulls: [], waits: [] });
  expect(late.count).toBe(200);
  expect(ids(late)).toEqual(Array.from({ length: 200 }, (_, line) => 199 - line));
  expect(lines(late).map((line) => late.lineOf(late.keyAt(line)))).toEqual(lines(late));
});

test('what keeps a row from its work is told once', () => {
  const shown = { error: { code: 'access.push-denied', message: 'no', hint: '' }, reason: 'no' };
  expect(factsOf(image(0, 'planned', shown))).not.toContain('reason');
  expect(factsOf(image(0, 'skipped', { reason: 'same digest' }))).toContain('reason');
});

test('one cause at two registries is two, and one image alone is named', () => {
  const error = (host: string, reference: string) => ({
    error: { code: 'ref.not-found', message: '', hint: '', params: { host, reference } },
  });
  const found = groups([
    image(0, 'failed', error('a.io', 'a.io/x:1')),
    image(1, 'failed', error('b.io', 'b.io/y:1')),
    image(2, 'failed', error('b.io', 'b.io/y:2')),
  ]);
  expect(found.map(({ images, text }) => [images.length, text.title])).toEqual([
    [2, 'Not found at the source (b.io)'],
    [1, 'a.io/x:1 was not found'],
  ]);
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
