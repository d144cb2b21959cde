import { startGateway } from '../../dist/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../dist/system/node.js'

// The local gateway in a process of its own, so that its processor time is its own.
const [folder, password, pageMs] = process.argv.slice(2)
const faults = { only: '/select', stallMs: Number(pageMs) }
const gateway = await startGateway({ folder, password, faults }, nodeSystem())
process.stdout.write(`${gateway.url}\n`)
process.on('SIGTERM', () => void gateway.stop().then(() => process.exit(0)))
