import type { AddCommand } from '../main.js'
import { addAlias } from './alias.js'
import { addBoard } from './board.js'
import { addConfig } from './config.js'
import { addDemo } from './demo.js'
import { addFirmware } from './firmware.js'
import { addFlash } from './flash.js'
import { addLogin, addLogout, addWhoami } from './login.js'
import { addLogs } from './logs.js'
import { addPlot } from './plot.js'
import { addPorts } from './ports.js'
import { addProvision } from './provision.js'
import { addRepl } from './repl.js'
import { addSandbox } from './sandbox.js'
import { addStream } from './stream.js'
import { addTail } from './tail.js'
import { addTimebaseServer } from './timebase-server.js'
import { addTimebaseStatus } from './timebase-status.js'
import { addUpdate } from './update.js'
import { addWifi } from './wifi.js'

/** Every command, in the order of the help page. Only declarations load here; domains load when a command runs. */
export const commands: AddCommand[] = [
  addPorts,
  addAlias,
  addFlash,
  addBoard,
  addFirmware,
  addProvision,
  addWifi,
  addUpdate,
  addLogs,
  addRepl,
  addLogin,
  addLogout,
  addWhoami,
  addStream,
  addTail,
  addPlot,
  addTimebaseServer,
  addSandbox,
  addDemo,
  addTimebaseStatus,
  addConfig,
]
