import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestBoard, type TestBoard } from './support.js'

describe('asyncio on the virtual board', () => {
  let board: TestBoard
  beforeAll(async () => {
    board = await startTestBoard()
    await board.waitFor('>>> ')
    board.send('\x01')
    await board.waitFor('exit\r\n>')
  })
  afterAll(() => board.halt())

  it('runs tasks side by side and gives the result back', async () => {
    const { out, err } = await board.exec(`import asyncio
async def tick(name, ms):
  for i in range(2):
    await asyncio.sleep_ms(ms)
    print(name, i)
  return name
async def main():
  return await asyncio.gather(tick("a", 20), tick("b", 50))
print(asyncio.run(main()))`)
    expect(err).toBe('')
    expect(out).toBe("a 0\na 1\nb 0\nb 1\n['a', 'b']\n")
  })

  it('raises what the task raises', async () => {
    const { out } = await board.exec(`import asyncio
async def main():
  await asyncio.sleep_ms(1)
  raise ValueError("x")
try: asyncio.run(main())
except ValueError as e: print(e.args)`)
    expect(out).toBe("('x',)\n")
  })
})
