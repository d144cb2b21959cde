/** Seconds from 1900, where NTP counts from, to 1970. */
const ntpEpoch = 2_208_988_800

/** RFC 4330: stratum 1, server mode, the client's own time stamp given back. */
export function ntpAnswer(request: Uint8Array, nowMs: number): Uint8Array {
  const answer = new Uint8Array(48)
  const view = new DataView(answer.buffer)
  answer[0] = 0x24
  answer[1] = 1
  answer[3] = 0xec
  answer.set(Buffer.from('LOCL'), 12)
  answer.set(request.subarray(40, 48), 24)
  const seconds = Math.floor(nowMs / 1000) + ntpEpoch
  const fraction = Math.floor(((nowMs % 1000) / 1000) * 2 ** 32)
  for (const at of [16, 32, 40]) {
    view.setUint32(at, seconds % 2 ** 32)
    view.setUint32(at + 4, fraction)
  }
  return answer
}
