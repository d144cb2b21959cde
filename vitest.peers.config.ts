import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/peers/**/*.test.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 600_000,
    // Names every case: the title of a skipped suite says what it misses.
    reporters: ['verbose'],
    // One board, one cable: the cases take turns.
    fileParallelism: false,
    env: { NO_COLOR: '1', FORCE_COLOR: '0', TZ: 'UTC' },
  },
})
