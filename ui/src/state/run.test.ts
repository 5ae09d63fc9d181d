import { beforeEach, expect, test, vi } from 'vitest';
import { Problem, type Backend } from '../backend/backend';
import type { ImageState, RunInfo, Snapshot, Update } from '../backend/types';
import { NO_TOTALS, planClass, Run } from './run.svelte';
import { Runs } from './runs.svelte';

const info = (part: Partial<RunInfo> = {}): RunInfo => ({
  id: 'r1',
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
  ...part,
});

const image = (id: number, part: Partial<ImageState> = {}): ImageState => ({
  id,
  source: `Q.io/a:${id}`,
  destination: `r.io/a:${id}`,
  status: 'waiting',
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

const warning = { key: '', params: {}, text: 'w' };

const update = (seq: number, images: ImageState[], part: Partial<Update> = {}): Update => ({
  seq,
  phase: 'copying',
  totals: { ...NO_TOTALS, images: seq * 10 },
  images,
  warnings: [],
  pulls: [],
  waits: [],
  ...part,
});

let frames: (() => void)[] = [];
const draw = (): void => {
  const now = frames;
  frames = [];
  now.forEach((work) => work());
};

function backend(snapshots: (Snapshot | Problem)[]): { backend: Backend; asked: () => number } {
  let asked = 0;
  const runsSnapshot = async (): Promise<Snapshot> => {
    const next = snapshots[asked];
    asked += 1;
    if (next instanceof Problem) throw next;
    if (!next) throw new Error('asked too often');
    return next;
  };
  return { backend: { runsSnapshot } as unknown as Backend, asked: () => asked };
}

beforeEach(() => {
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (work: () => void) => frames.push(work));
});

test('updates that come between two pictures are drawn once', () => {
  const { backend: from, asked } = backend([]);
  const run = new Run(from, info());
  run.push(update(1, [image(0), image(1)]));
  run.push(update(2, [image(0, { status: 'copying' })], { warnings: [warning] }));
  expect(run.version).toBe(0);
  expect(frames).toHaveLength(1);
  draw();
  expect(run.version).toBe(1);
  expect(run.counts).toEqual({ waiting: 1, active: 1 });
  expect(run.totals.images).toBe(20);
  expect(run.warnings).toEqual([warning]);
  expect(run.keyOf(run.rows[0] as ImageState)).toBe('q.io/a:0\nr.io/a:0');
  expect(asked()).toBe(0);
});

test('a gap asks for a snapshot, and what came meanwhile goes on from there', async () => {
  const snapshot = update(4, [image(0, { status: 'copied' }), image(1)]);
  const { backend: from, asked } = backend([snapshot]);
  const run = new Run(from, info());
  run.push(update(1, [image(0)]));
  run.push(update(3, [image(0, { status: 'copying' })]));
  draw();
  // before the answer: one that is in the snapshot, and one that is not
  run.push(update(4, [image(0, { status: 'copied' })]));
  run.push(update(5, [image(1, { status: 'failed' })]));
  draw();
  await vi.waitFor(() => expect(run.counts).toEqual({ copied: 1, failed: 1, waiting: 0 }));
  expect(asked()).toBe(1);
  expect(run.totals.images).toBe(50);
});

test('an update that is known already is left out', () => {
  const run = new Run(backend([]).backend, info());
  run.push(update(1, [image(0)]));
  draw();
  run.push(update(1, [image(0, { status: 'failed' })]));
  draw();
  expect(run.rows[0]?.status).toBe('waiting');
});

test('an end that comes while the rows are fetched waits for them', async () => {
  let answer: (snapshot: Snapshot) => void = () => undefined;
  const from = { runsSnapshot: () => new Promise<Snapshot>((resolve) => (answer = resolve)) };
  const run = new Run(from as unknown as Backend, info());
  const opened = run.open();
  const finished = run.finish(info({ endedAt: 'now' }));
  expect(run.ended).toBe(false);
  answer(update(9, [image(0, { status: 'copied' })], { phase: 'done' }));
  await Promise.all([opened, finished]);
  expect(run.ended).toBe(true);
  expect(run.counts).toEqual({ copied: 1 });
});

test('a snapshot that can not be had is told, and asked for again when it is opened again', async () => {
  const { backend: from } = backend([new Problem({ code: 'internal' }), update(2, [image(0)])]);
  const run = new Run(from, info());
  await run.open();
  expect(run.error?.code).toBe('internal');
  expect(run.loaded).toBe(false);
  await run.open();
  expect(run.error).toBeNull();
  expect(run.rows).toHaveLength(1);
});

test('sums of a plan follow its rows', () => {
  const plan = (move: number): Partial<ImageState> => ({
    status: 'planned',
    plan: { action: 'copy', bytes_to_move: move, bytes_present: 1, bytes_mountable: 2 },
  });
  const run = new Run(backend([]).backend, info({ kind: 'plan' }));
  run.push(update(1, [image(0, plan(10)), image(1, plan(5))]));
  run.push(update(2, [image(0, plan(7))]));
  draw();
  expect(run.planned).toEqual({ move: 12, present: 2, mountable: 4 });
  expect(run.counts).toEqual({ copy: 2 });
});

test('a row that can not be written keeps its action, whatever its end', () => {
  const error = { code: 'x', message: '', hint: '' };
  expect(planClass(image(0, { status: 'failed', action: 'conflict', error }))).toBe('conflict');
  expect(planClass(image(0, { status: 'planned', action: 'blocked', error }))).toBe('blocked');
  expect(planClass(image(0, { status: 'failed', error }))).toBe('failed');
  expect(planClass(image(0, { status: 'skipped' }))).toBe('skip');
  expect(planClass(image(0, { status: 'resolving' }))).toBe('open');
});

test('cancel is taken back when it can not be given', async () => {
  const run = new Run(
    { runsCancel: () => Promise.reject(new Problem({ code: 'internal' })) } as unknown as Backend,
    info(),
  );
  await expect(run.cancel()).rejects.toThrow();
  expect(run.cancelling).toBe(false);
});

test('an answer that comes after the end does not take it back', () => {
  const runs = new Runs(backend([]).backend);
  runs.know(info({ endedAt: '2026-11-24T12:01:00Z' }));
  expect(runs.know(info()).ended).toBe(true);
});

test('the status bar shows a run before a plan, what goes on before what is over', () => {
  const runs = new Runs(backend([]).backend);
  expect(runs.current).toBeNull();
  runs.know(info({ id: 'run' }));
  runs.know(info({ id: 'plan', kind: 'plan' }));
  expect(runs.current?.info.id).toBe('run');
  runs.know(info({ id: 'run', endedAt: 'now' }));
  expect(runs.current?.info.id).toBe('plan');
  runs.know(info({ id: 'plan', kind: 'plan', endedAt: 'now' }));
  expect(runs.current?.info.id).toBe('plan');
  expect(runs.latest('p', 'run')?.info.id).toBe('run');
});
