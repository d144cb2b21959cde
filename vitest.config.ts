import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/hardware/**', 'test/peers/**', 'node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: more workers only make every virtual board slower.
    maxWorkers: 2,
    env: { NO_COLOR: '1', FORCE_COLOR: '0', TZ: 'UTC' },
  },
})
