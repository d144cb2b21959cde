import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { patience } from './test/support/patience.js'

/** By name: the main job comes before the cases that want its station on the board. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return [...files].sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1))
  }
}

export default defineConfig({
  test: {
    include: ['test/hardware/**/*.test.ts'],
    testTimeout: 1_800_000 * patience,
    hookTimeout: 600_000 * patience,
    // Names every case: the title of a skipped suite says what it misses.
    reporters: ['verbose'],
    // One board, one cable: the cases take turns.
    fileParallelism: false,
    sequence: { sequencer: ByName },
    env: { NO_COLOR: '1', FORCE_COLOR: '0', TZ: 'UTC' },
  },
})
