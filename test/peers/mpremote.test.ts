import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planFiles, surveyFiles } from '../../src/device/files.js'
import { openLink } from '../../src/device/links/open.js'
import { applyFiles } from '../../src/device/push.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import { startBoard, type VirtualBoard } from '../../src/sandbox/board/board.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { nodeSystem } from '../../src/system/node.js'
import { isMissing, pythonTools } from '../support/python.js'
import { compiledCode } from '../support/station-code.js'

const tools = pythonTools(['mpremote==1.29.0'])
const reason = isMissing(tools) ? ` (skipped: ${tools.missing})` : ''
const system = nodeSystem()
const folder = mkdtempSync(join(tmpdir(), 'wxstation-mpremote-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

/**
 * Types into mpremote's repl on a pseudo-terminal and prints what it shows. Its repl wants a file
 * descriptor, which pyserial's rfc2217 does not have: the board's plain socket is put behind
 * another pseudo-terminal, as socat would do it.
 */
const terminal = `
import os, pty, select, socket, sys, threading, time, tty
host, port = sys.argv[2].split("//")[1].split(":")
wire = socket.create_connection((host, int(port)))
master, slave = pty.openpty()
tty.setraw(slave)
def bridge():
    while True:
        for ready in select.select([master, wire], [], [])[0]:
            if ready is wire:
                os.write(master, wire.recv(4096))
            else:
                wire.sendall(os.read(master, 4096))
threading.Thread(target=bridge, daemon=True).start()
device = os.ttyname(slave)
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "connect", device, "repl"])
shown = b""
def until(text, seconds=10):
    global shown
    end = time.time() + seconds
    while text not in shown and time.time() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                shown += os.read(fd, 4096)
            except OSError:
                return
until(b"Connected")
os.write(fd, b"\\r")
until(b">>> ")
os.write(fd, b"print(6*7)\\r")
until(b"42")
os.write(fd, b"\\x1d")
os.waitpid(pid, 0)
sys.stdout.write(shown.decode())
`

describe.skipIf(isMissing(tools))(`mpremote 1.29 against the virtual board${reason}`, () => {
  let board: VirtualBoard
  const content = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7) & 255))
  const local = join(folder, 'data.bin')

  beforeAll(async () => {
    writeFileSync(local, content)
    board = await startBoard({ wiring: { pacing: false } }, system)
    board.flash.program(0x1000, buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' }))
    await board.powerCycle()
    // The interpreter is compiled at the first start of a process.
    await system.clock.sleep(4000)
  })
  afterAll(() => board?.stop())

  async function mpremote(...args: string[]): Promise<string> {
    if (isMissing(tools)) throw new Error(tools.missing)
    const all = ['connect', board.rfc2217Url, ...args]
    const { code, stdout, stderr } = await system.spawn(tools.command('mpremote'), all)
    expect(`exit ${code}\n${code === 0 ? '' : stdout + stderr}`).toBe('exit 0\n')
    return stdout.replaceAll('\r', '')
  }

  it('exec', async () => {
    expect(await mpremote('exec', 'import sys; print(sys.platform)')).toBe('esp32\n')
  })

  it('fs cp both ways, fs ls and sha256sum', async () => {
    await mpremote('fs', 'cp', local, ':data.bin')
    expect(await mpremote('fs', 'ls')).toMatch(/5000 data\.bin/)
    const back = join(folder, 'back.bin')
    await mpremote('fs', 'cp', ':data.bin', back)
    expect(Buffer.compare(readFileSync(back), content)).toBe(0)
    expect(await mpremote('fs', 'sha256sum', ':data.bin')).toContain(sha256(content))
  })

  it('reads back what wxstation wrote', async () => {
    // A main.py that runs would be in its way.
    const files = compiledCode.files.filter(({ name }) => name !== 'main.py')
    const link = await openLink(board.rfc2217Url, { baud: 115_200 }, system)
    try {
      const repl = await enterRawRepl(link, {}, system)
      const plan = planFiles(files, await surveyFiles(repl, files), { retired: [], data: [] })
      await applyFiles(repl, plan)
      await repl.leave()
    } finally {
      await link.close()
    }
    const list = await mpremote('fs', 'ls')
    for (const { name, data } of files)
      expect(list).toMatch(new RegExp(`^ *${data.length} ${name.replace('.', '\\.')}$`, 'm'))
    const sums = await mpremote('fs', 'sha256sum', ...files.map(({ name }) => `:${name}`))
    expect(sums.match(/[0-9a-f]{64}/g)).toEqual(files.map(({ data }) => sha256(data)))
  })

  it('mount: the board imports from a folder of this computer, and writes into it', async () => {
    const shared = mkdtempSync(join(folder, 'mounted-'))
    writeFileSync(join(shared, 'greeting.py'), 'text = "from the host"\n')
    const code = `import os, greeting
print(os.getcwd(), greeting.text, os.listdir("/"))
with open("answer.txt", "w") as f: f.write("from the board\\n")`
    const shown = await mpremote('mount', shared, 'exec', code)
    expect(shown).toMatch(/^\/remote from the host \['remote', .*'boot\.py'/m)
    expect(readFileSync(join(shared, 'answer.txt'), 'utf8')).toBe('from the board\n')
  })

  it('rtc', async () => {
    await mpremote('rtc', '--set')
    expect(await mpremote('rtc')).toMatch(/^\(20\d\d, /)
  })

  it('reset, and the file is still there', async () => {
    await mpremote('reset')
    await system.clock.sleep(1500)
    expect(await mpremote('fs', 'ls')).toMatch(/data\.bin/)
  })

  it('repl in a pseudo-terminal', async () => {
    if (isMissing(tools)) throw new Error(tools.missing)
    const script = join(folder, 'terminal.py')
    writeFileSync(script, terminal)
    const { stdout } = await system.spawn(tools.python, [
      script,
      tools.command('mpremote'),
      board.socketUrl,
    ])
    expect(stdout).toContain('Connected to MicroPython')
    expect(stdout).toContain('42')
  })
})
