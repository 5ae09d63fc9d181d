import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ['*.browser.ts'],
    // one browser at a time: two cores
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
