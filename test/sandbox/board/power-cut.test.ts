import { describe, expect, it } from 'vitest'
import { Flash } from '../../../src/sandbox/board/flash.js'
import { flashedChip, startTestBoard } from './support.js'

describe('a power cut while a file is written', () => {
  it('stops the board there, and the file has its old content at the next start', async () => {
    const flash = flashedChip()
    const first = await startTestBoard({ flash })
    await first.waitFor('>>> ')
    first.send('\x01')
    await first.waitFor('exit\r\n>')
    await first.exec('f=open("a","w");f.write("old");f.close()')
    const chip = new Flash(flash)
    chip.cutPowerAt(2)
    first.clear()
    first.send('f=open("a","w");f.write("new"*2000);f.close();print("done")\x04')
    await first.sleep(600)
    expect(chip.powerIsGone).toBe(true)
    expect(first.text()).toBe('OK')
    await first.halt()

    chip.powerOn()
    const second = await startTestBoard({ flash })
    await second.waitFor('>>> ')
    second.send('\x01')
    await second.waitFor('exit\r\n>')
    const { out, err } = await second.exec('print(open("a").read())')
    await second.halt()
    expect(err).toBe('')
    expect(out).toBe('old\n')
  })
})
