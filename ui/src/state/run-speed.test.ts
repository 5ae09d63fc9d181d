import { expect, test } from 'vitest';
import { Speed } from './run-speed';

test('points are means over their time, and the peak is the highest seen', () => {
  const speed = new Speed();
  for (const [at, rate] of [
    [0.1, 10],
    [0.3, 30],
    [0.6, 50],
  ] as const)
    speed.add(at, rate);
  expect(speed.points('minute')).toEqual([
    { at: 0, rate: 20 },
    { at: 0.5, rate: 50 },
  ]);
  expect(speed.peak).toBe(50);
});

test('the minute slides; the whole run keeps its beginning in ever longer spans', () => {
  const speed = new Speed();
  for (let at = 0; at < 10_000; at += 0.5) speed.add(at, at < 5_000 ? 10 : 20);
  const minute = speed.points('minute');
  expect(minute).toHaveLength(120);
  expect(minute[0]?.at).toBe(9_940);
  const whole = speed.points('whole');
  expect(whole.length).toBeLessThanOrEqual(240);
  expect(whole[0]).toEqual({ at: 0, rate: 10 });
  expect(whole.at(-1)?.rate).toBe(20);
});
