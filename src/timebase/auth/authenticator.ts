/** A request as it is signed: exactly what goes over the wire. */
export interface Signable {
  /** Upper case. */
  method: string
  url: URL
  /** '' where there is none. */
  body: string
}

/** One way of signing in. Holds what it needs; renews what expires. */
export interface Authenticator {
  readonly kind: 'password' | 'api-key' | 'session' | 'oauth' | 'token'
  /** User or key name, where it is known. */
  readonly user: string | undefined
  /** Headers that make this request authentic; signs in first where that is due. */
  headers(request: Signable, signal?: AbortSignal): Promise<{ [name: string]: string }>
  /** Headers of a STOMP CONNECT frame. */
  stompHeaders(signal?: AbortSignal): Promise<{ [name: string]: string }>
  /**
   * The server refused a request that carried `used`. True: something was renewed, send it once
   * more. False: nothing else can be tried.
   */
  refused(used: { [name: string]: string }, signal?: AbortSignal): Promise<boolean>
}
