import type { TestSystem } from './system.js'

export const keys = { down: '\u001b[B', enter: '\r', backspace: '\u007f', interrupt: '\u0003' }

/** What the screen shows, and what is typed then. */
export type Dialog = [RegExp, string][]

/** Answers questions as they come up: waits for each text on the screen, then types. */
export async function converse(system: TestSystem, dialog: Dialog): Promise<void> {
  let from = 0
  for (const [question, keys] of dialog) {
    while (!question.test(system.err().slice(from)))
      await new Promise((resolve) => setTimeout(resolve, 20))
    from = system.err().length
    // One key at a time, as a person's terminal sends them: inquirer draws between two.
    for (const key of keys.match(/\u001b\[[A-D]|[^\u001b\r]+|\r/g) ?? []) {
      system.type(key)
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
  }
}
