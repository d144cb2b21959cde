#!/usr/bin/env node
import { run } from '../dist/cli/main.js'
import { nodeSystem } from '../dist/system/node.js'

process.exitCode = await run(process.argv.slice(2), nodeSystem())
