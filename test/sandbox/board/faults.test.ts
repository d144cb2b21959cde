import { afterEach, expect, it } from 'vitest'
import { noFaults } from '../../../src/sandbox/faults.js'
import { startTestBoard, type TestBoard, type TestBoardOptions } from './support.js'

let board: TestBoard | undefined
afterEach(() => board?.halt())

const usual = `
import machine,network,ntptime,time
s=network.WLAN(network.STA_IF);s.active(True)
def until(f,n=12000):
  a=time.ticks_ms()
  while not f() and time.ticks_diff(time.ticks_ms(),a)<n: time.sleep_ms(20)
  return f()
def join(key="sandbox-wifi"):
  s.connect("Rooftop",key)
  return until(s.isconnected)
`

async function start(options: TestBoardOptions = {}): Promise<TestBoard> {
  board = await startTestBoard({ faults: noFaults(), ...options })
  await board.waitFor('>>> ')
  board.send('\x01')
  await board.waitFor('exit\r\n>')
  await run(board, usual)
  return board
}

async function run(one: TestBoard, code: string): Promise<string> {
  const { out, err } = await one.exec(code)
  expect(err).toBe('')
  return out
}

/** Until the code's reset has come: nothing more is printed then. */
async function resetBy(one: TestBoard, code: string): Promise<void> {
  one.send(`${code}\x04`)
  for (let i = 0; i < 100 && one.resets.length === 0; i++) await one.sleep(50)
}

it('refuses a wrong password, and every password on request', async () => {
  const one = await start()
  const refused = 's.connect("Rooftop","not-this-one")\nprint(until(lambda:s.status()==202))'
  expect(await run(one, refused)).toBe('True\n')
  one.faults.wrongPassword = true
  await run(one, 's.active(False);s.active(True)\ns.connect("Rooftop","sandbox-wifi")')
  expect(await run(one, 'time.sleep(4)\nprint(s.isconnected(),s.status())')).toBe('False 202\n')
  one.faults.wrongPassword = false
  expect(await run(one, 'print(until(s.isconnected),s.status())')).toBe('True 1010\n')
})

it('is let in and gets no address on request, until somebody gives it one', async () => {
  const one = await start()
  one.faults.noAddress = true
  const joins = 's.connect("Rooftop","sandbox-wifi")\nprint(until(s.isconnected,2500),s.status())'
  expect(await run(one, joins)).toBe('False 1001\n')
  expect(await run(one, 'print(s.ifconfig()[0],s.active())')).toBe('0.0.0.0 True\n')
  one.faults.noAddress = false
  expect(await run(one, 'print(until(s.isconnected),s.status())')).toBe('True 1010\n')
})

it('loses the access point and finds it again', async () => {
  const one = await start()
  expect(await run(one, 'print(join())')).toBe('True\n')
  one.faults.accessPointGone = true
  const gone = 'print(until(lambda:not s.isconnected()),s.status())\nprint(s.scan())'
  expect(await run(one, gone)).toBe('True 200\n[]\n')
  expect(await run(one, 'print(until(lambda:s.status()==201))')).toBe('True\n')
  one.faults.accessPointGone = false
  expect(await run(one, 'print(until(s.isconnected),s.status())')).toBe('True 1010\n')
})

it('hears a weak signal, and a weaker one no more', async () => {
  const one = await start()
  one.faults.signalDbm = -90
  expect(await run(one, 'print(join(),s.status("rssi"))')).toBe('True -90\n')
  one.faults.signalDbm = -95
  expect(await run(one, 'print(until(lambda:not s.isconnected()),s.status())')).toBe('True 200\n')
})

it('gets no time where nobody tells it', async () => {
  const one = await start()
  one.faults.noNtp = true
  const ask = `ntptime.host="192.168.77.1"
try: print(ntptime.settime())
except OSError as e: print(e.errno)
print(time.gmtime()[0]>2000)`
  expect(await run(one, `print(join())\n${ask}`)).toBe('True\n116\nFalse\n')
  one.faults.noNtp = false
  expect(await run(one, ask)).toBe('None\nTrue\n')
})

it('calls timers once, again and again, and no more', async () => {
  const one = await start()
  const code = `
L=[];t=machine.Timer(0);u=machine.Timer(1)
t.init(mode=machine.Timer.ONE_SHOT,period=30,callback=lambda x:L.append("once" if x is t else x))
u.init(mode=machine.Timer.PERIODIC,period=20,callback=lambda x:L.append("more"))
print(until(lambda:L.count("more")>=3 and "once" in L))
u.deinit();n=len(L);time.sleep_ms(100)
print(len(L)==n,L.count("once"))
`
  expect(await run(one, code)).toBe('True\nTrue 1\n')
})

it('is reset by a watchdog that nobody feeds, not by a fed one', async () => {
  const one = await start()
  const fed = 'w=machine.WDT(timeout=1500)\nfor i in range(20): time.sleep_ms(100);w.feed()'
  await run(one, fed)
  expect(one.resets).toEqual([])
  await resetBy(one, 'while True: pass')
  expect(one.resets).toEqual(['watchdog'])
})

it('is reset by machine.reset()', async () => {
  const one = await start()
  await resetBy(one, 'machine.reset()')
  expect(one.resets).toEqual(['software'])
})

// As recorded in boot.jsonl, and `machine`'s constants for the rest.
it.each([
  ['power-on', 1],
  ['software', 2],
  ['watchdog', 3],
  ['deep-sleep', 4],
] as const)('says after a reset by %s that its cause was %i', async (resetCause, number) => {
  const one = await start({ resetCause })
  expect(await run(one, 'print(machine.reset_cause())')).toBe(`${number}\n`)
})
