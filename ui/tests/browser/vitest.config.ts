import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: import.meta.dirname,
  cacheDir: '../../node_modules/.vite-browser',
  test: {
    include: ['*.browser.ts'],
    // one browser, two pages at a time: two cores
    fileParallelism: false,
    maxConcurrency: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // awaited, however busy the machine is
    expect: { poll: { timeout: 60_000 } },
  },
});
