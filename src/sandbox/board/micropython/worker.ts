import { parentPort, workerData } from 'node:worker_threads'
import { Bindings } from './bindings.js'
import { cells, Line, outputAhead } from './cells.js'
import { Front } from './front.js'
import { type Interpreter, loadInterpreter } from './interpreter.js'
import type { Message, Start } from './messages.js'
import { Output } from './output.js'

const start = workerData as Start
const line = new Line(start.shared)
const post = (message: Message): void => parentPort!.postMessage(message)

/** The UART's own buffers are small: whoever prints more waits until it is out. */
function send(bytes: Uint8Array): void {
  Atomics.add(line.cells, cells.printed, bytes.length)
  post({ kind: 'output', bytes })
  for (;;) {
    const seen = line.events
    const ahead = Atomics.load(line.cells, cells.printed) - Atomics.load(line.cells, cells.sent)
    if (ahead <= outputAhead) return
    line.wait(seen)
  }
}

const output = new Output(send)
let interpreter: Interpreter | undefined
const bindings = new Bindings(start, line, output, post, () => interpreter!)

interpreter = await loadInterpreter({
  module: start.module,
  print: (bytes) => output.write(bytes),
  hook: () => bindings.hook(),
})
bindings.prepare()
post({ kind: 'ready' })
// A chip listens before its first line of Python: its start must not outrun the board's ear.
line.waitForListener()
const front = new Front(interpreter.python, line, output, bindings)
const mode = front.run(start.soft)
bindings.closeFiles()
output.flush()
post({ kind: 'soft-reset', mode })
