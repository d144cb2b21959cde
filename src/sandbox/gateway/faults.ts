/** What can go wrong on request; changes take effect with the next request. */
export interface GatewayFaults {
  /** Only requests whose `METHOD /path` contains this are touched; undefined = all. */
  only: string | undefined
  /** How many requests are touched before everything is well again; undefined = all. */
  times: number | undefined
  /** The connection breaks after this many bytes of the request's body. */
  cutRequestAfter: number | undefined
  /** The connection breaks after this many bytes of the answer, head included. */
  cutAnswerAfter: number | undefined
  /** The answer waits this long; Infinity = it never comes. */
  stallMs: number
  /** Every request gets this status and a plain page (502, 503, 504). */
  status: number | undefined
  /** Every request gets a captive portal's login page with status 200. */
  captivePortal: boolean
  /** Requests are carried out and then the connection closes without an answer. */
  answerLost: boolean
  /** WebAdmin runs and TimeBase behind it does not. */
  timebaseDown: boolean
}

export function noGatewayFaults(): GatewayFaults {
  return {
    only: undefined,
    times: undefined,
    cutRequestAfter: undefined,
    cutAnswerAfter: undefined,
    stallMs: 0,
    status: undefined,
    captivePortal: false,
    answerLost: false,
    timebaseDown: false,
  }
}

/** The faults one request meets; counts it when `times` is set. */
export function faultsFor(faults: GatewayFaults, request: string): GatewayFaults {
  const well = { ...noGatewayFaults(), timebaseDown: faults.timebaseDown }
  if (faults.only !== undefined && !request.includes(faults.only)) return well
  if (faults.times === undefined) return { ...faults }
  if (faults.times <= 0) return well
  faults.times--
  return { ...faults }
}
