import { expect, it } from 'vitest'
import { errorLines } from '../../src/cli/render/errors.js'
import { makePaint } from '../../src/cli/render/paint.js'
import { type ErrorCode, errorTable, WxError } from '../../src/errors.js'

const paint = makePaint(false)

it('every error code prints what happened, what to do, its name and its exit code', async () => {
  const pages = (Object.keys(errorTable) as ErrorCode[]).map((code) =>
    errorLines(new WxError(code, 'What happened stands here.'), paint, { debug: false }).join('\n'),
  )
  await expect(`${pages.join('\n\n')}\n`).toMatchFileSnapshot('errors.txt')
})
