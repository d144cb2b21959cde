import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isEmptyPlan, type LocalFile, planFiles, surveyFiles } from '../../src/device/files.js'
import type { Link } from '../../src/device/link.js'
import { openLink } from '../../src/device/links/open.js'
import { applyFiles } from '../../src/device/push.js'
import { enterRawRepl, type RawRepl } from '../../src/device/raw-repl.js'
import type { VirtualBoard } from '../../src/sandbox/board/board.js'
import { readFacts } from '../../src/station/board.js'
import type { Bundle } from '../../src/station/bundle.js'
import { applyProvision, isCompactedFirst, planCode } from '../../src/station/provision.js'
import { nodeSystem } from '../../src/system/node.js'
import { flashedBoard } from '../support/flashed-board.js'
import { fullHeapAfter } from '../support/full-heap.js'
import { compiledCode, ofFirstVersion, otherVersion, sourceCode } from '../support/station-code.js'

const system = nodeSystem()

/** Updates of every file on a board with 256 KB for files, of which source takes 212. */
describe('an update of a whole station', () => {
  let board: VirtualBoard
  let link: Link
  let repl: RawRepl

  beforeAll(async () => {
    board = await flashedBoard({ wiring: { pacing: false }, hasQueue: true })
    link = await openLink(board.socketUrl, { baud: 115_200 }, system)
    repl = await enterRawRepl(link, {}, system)
  })
  afterAll(async () => {
    await repl?.leave()
    await link?.close()
    await board?.stop()
  })

  const isInstaller = ({ name }: LocalFile): boolean => name === 'install.py'
  const none = { retired: [], data: [] }

  /** Lays the first version there: in parts, for a new board has no room for it in one. */
  async function layFirstVersion(files: LocalFile[]): Promise<void> {
    const others = files.filter((file) => !isInstaller(file))
    for (let at = 0; at < others.length; at += 10) {
      const part = [...others.slice(at, at + 10), ...sourceCode.files.filter(isInstaller)]
      await applyFiles(repl, planFiles(part, await surveyFiles(repl, part), none))
    }
    const installer = Buffer.from(files.find(isInstaller)?.data ?? '').toString('base64')
    await repl.exec(`import binascii
with open('install.py','wb')as f:f.write(binascii.a2b_base64('${installer}'))`)
  }

  async function update(bundle: Bundle, trial = false): Promise<string[]> {
    const notices: string[] = []
    const plan = await planCode(repl, bundle)
    const isAnnounced = isCompactedFirst(plan, trial)
    await applyProvision(repl, plan, {
      trial,
      report: (event) => event.type === 'notice' && notices.push(event.notice),
    })
    expect(isAnnounced).toBe(notices.includes('compacting'))
    const survey = await surveyFiles(repl, bundle.files)
    expect(isEmptyPlan(planFiles(bundle.files, survey, { ...none, retired: bundle.retired }))).toBe(
      true,
    )
    return notices
  }

  it('finds room beside source of the first version: what is there is compiled first', async () => {
    await layFirstVersion(ofFirstVersion(otherVersion(sourceCode.files)))
    expect(await update(compiledCode)).toEqual(['compacting'])
  })

  it('has room beside compiled code, and for a way back', async () => {
    const other = { ...compiledCode, files: otherVersion(compiledCode.files) }
    expect(await update(other, true)).toEqual([])
    expect(await repl.exec('import os;print(".old.pack"in os.listdir())')).toBe('True\n')
    expect(await update(compiledCode)).toEqual([])
    expect(await repl.exec('print([n for n in os.listdir()if n[0]=="."])')).toBe('[]\n')
  })

  it('is finished by boot.py where it was committed and not unpacked', async () => {
    const files = otherVersion(compiledCode.files)
    const plan = planFiles(files, await surveyFiles(repl, files), none)
    // The check of the pack is the last one that has a heap.
    await repl.exec(fullHeapAfter(1))
    await applyFiles(repl, plan)
    expect(await repl.exec('print(".next.pack"in os.listdir())')).toBe('True\n')
    // A soft reset that runs boot.py and comes back to the prompt.
    await repl.restart()
    expect((await surveyFiles(repl, files)).store).toBeUndefined()
    await applyFiles(
      repl,
      planFiles(compiledCode.files, await surveyFiles(repl, compiledCode.files), none),
    )
  })

  it("tells the same about itself by the station's own questions and by ours", async () => {
    const settings = '{"station": "roof", "scl": 18,\\n "sda": 19}'
    await repl.exec(`import os\nwith open('station.json','w')as f:f.write('${settings}')`)
    const own = await readFacts(repl, { scl: 22, sda: 21 })
    await repl.exec("import sys\nsys.modules.pop('survey')\nos.rename('survey.mpy','away')")
    expect(await readFacts(repl, { scl: 22, sda: 21 })).toEqual(own)
    expect(own.stationJson).toBe(JSON.parse(`"${settings.replaceAll('"', '\\"')}"`))
    await repl.exec("os.rename('away','survey.mpy')\nos.remove('station.json')")
  })

  it('refuses what does not fit before anything is changed', async () => {
    await expect(planCode(repl, sourceCode)).rejects.toMatchObject({
      code: 'BOARD_FULL',
      details: { neededBytes: expect.any(Number), freeBytes: expect.any(Number) },
    })
    const survey = await surveyFiles(repl, compiledCode.files)
    expect(survey.store).toBeUndefined()
  })
})
