/** What can go wrong on request, per board. The board's own code never knows why. */
export interface BoardFaults {
  /** The cable is out: every connection to the board's port breaks and none is taken. */
  unplugged: boolean
  /** In place of the board's main.py one that is always busy and catches the first three Ctrl-C. */
  busyMain: boolean
  /** One byte in this many is lost on the wire, each way; 0 = none. */
  loseOneByteIn: number
  /** The power fails at this flash operation (program or erase), counted from now; 0 = never. */
  cutPowerAtFlashOperation: number
  /** The access point answers every password with a refusal. */
  wrongPassword: boolean
  /** The access point lets the board in, and no DHCP server gives it an address. */
  noAddress: boolean
  /** The access point is out of range or switched off. */
  accessPointGone: boolean
  /** Signal of every network, dBm; undefined = as the network says. */
  signalDbm: number | undefined
  /** UDP port 123 is not answered. */
  noNtp: boolean
  /** Sensors that do not answer on the bus. */
  deadSensors: ('am2320' | 'bmp180')[]
  /** A slave holds SDA low until nine clock pulses free it. */
  stuckBus: boolean
}

export function noFaults(): BoardFaults {
  return {
    unplugged: false,
    busyMain: false,
    loseOneByteIn: 0,
    cutPowerAtFlashOperation: 0,
    wrongPassword: false,
    noAddress: false,
    accessPointGone: false,
    signalDbm: undefined,
    noNtp: false,
    deadSensors: [],
    stuckBus: false,
  }
}
