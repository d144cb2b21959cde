// The local gateway in a process of its own, so that it can be killed and measured:
// node gateway-child.mjs '{"folder":"…","password":"…"}' prints its address as one JSON line.
import { startGateway } from '../../dist/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../dist/system/node.js'

const gateway = await startGateway(JSON.parse(process.argv[2]), nodeSystem())
const { url, port, user, password, users } = gateway
process.stdout.write(`${JSON.stringify({ url, port, user, password, users })}\n`)

process.on('SIGTERM', () => gateway.stop().then(() => process.exit(0)))
// `usage` on stdin asks for processor time (ms) and memory (bytes) so far.
process.stdin.on('data', () => {
  const { user: own, system } = process.cpuUsage()
  const usage = { cpuMs: (own + system) / 1000, residentBytes: process.memoryUsage.rss() }
  process.stdout.write(`${JSON.stringify(usage)}\n`)
})
