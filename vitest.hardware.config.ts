import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/hardware/**/*.test.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 600_000,
    // One board, one cable: the cases take turns.
    fileParallelism: false,
    env: { NO_COLOR: '1', FORCE_COLOR: '0', TZ: 'UTC' },
  },
})
