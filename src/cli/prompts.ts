import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import type { Terminal } from '../system.js'
import { harmless } from './render/harmless.js'

export interface Choice<T> {
  name: string
  value: T
  /** Shown below the list while this choice is under the cursor. */
  description?: string
}

/** Where an answer comes from off a terminal: said in the error that its absence makes. */
export interface Instead {
  flag: string
  env?: string
}

/** Says what is wrong with an answer, which is then asked for again; true: nothing. */
export type Check = (text: string) => string | true

export interface Prompts {
  readonly canAsk: boolean
  text(
    question: string,
    instead: Instead,
    options?: { initial?: string; check?: Check },
  ): Promise<string>
  secret(question: string, instead: Instead, options?: { check?: Check }): Promise<Secret>
  confirm(question: string, instead: Instead, initial?: boolean): Promise<boolean>
  choose<T>(question: string, choices: Choice<T>[], instead: Instead): Promise<T>
}

function missing(question: string, { flag, env }: Instead): never {
  throw new WxError(
    'ANSWER_MISSING',
    `There is no terminal to ask on: "${question}" needs an answer.`,
    {
      hint: `Give it with ${flag}${env ? ` or in ${env}` : ''}.`,
      details: { flag, ...(env && { env }) },
    },
  )
}

/** For whoever cannot ask: off a terminal, and for boards side by side. */
export const noPrompts: Prompts = {
  canAsk: false,
  text: async (question, instead) => missing(question, instead),
  secret: async (question, instead) => missing(question, instead),
  confirm: async (question, instead) => missing(question, instead),
  choose: async (question, _choices, instead) => missing(question, instead),
}

/** What an answer lacks may repeat it. */
function harmlessCheck(check: Check): Check {
  return (text) => {
    const fault = check(text)
    return fault === true || harmless(fault)
  }
}

/** Questions go to stderr, so that stdout carries data only; Ctrl-C there is the command's Ctrl-C. */
export function makePrompts(terminal: Terminal, signal: AbortSignal, pause: () => void): Prompts {
  if (!terminal.canAsk) return noPrompts
  const context = { input: terminal.stdin, output: terminal.stderr, signal }

  async function ask<T>(
    { flag, env }: Instead,
    run: (inquirer: typeof import('@inquirer/prompts')) => Promise<T>,
  ): Promise<T> {
    pause()
    try {
      return await run(await import('@inquirer/prompts'))
    } catch (error) {
      if (error instanceof Error && ['ExitPromptError', 'AbortPromptError'].includes(error.name)) {
        throw new WxError('INTERRUPTED', 'Interrupted at a question; nothing was changed.', {
          cause: error,
          hint: `Run the command again, or give the answer with ${flag}${env ? ` or in ${env}` : ''}.`,
        })
      }
      throw error
    }
  }

  return {
    canAsk: true,
    async text(question, instead, { initial, check } = {}) {
      return ask(instead, ({ input }) =>
        input(
          {
            message: harmless(question),
            ...(initial !== undefined && { default: initial }),
            ...(check && { validate: harmlessCheck(check) }),
          },
          context,
        ),
      )
    },
    async secret(question, instead, { check } = {}) {
      const asked = {
        message: harmless(question),
        mask: '·',
        ...(check && { validate: harmlessCheck(check) }),
      }
      return new Secret(await ask(instead, ({ password }) => password(asked, context)))
    },
    async confirm(question, instead, initial = false) {
      return ask(instead, ({ confirm }) =>
        confirm({ message: harmless(question), default: initial }, context),
      )
    },
    async choose(question, choices, instead) {
      // Names of networks and boards come from whoever is near.
      const named = choices.map((one) => ({ ...one, name: harmless(one.name) }))
      return ask(instead, ({ select }) =>
        select({ message: harmless(question), choices: named, pageSize: 12, loop: false }, context),
      )
    },
  }
}
