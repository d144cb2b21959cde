import type { Answer } from './messages.js'

/** The radio's own network. Who is on it shows in the connections that come that way. */
export class AccessPoint {
  /** What ESP-IDF's DHCP server gives itself. */
  readonly #own = '192.168.4.1'
  #isActive = false
  #guests = 0
  onChange = (): void => {}

  get address(): string | undefined {
    return this.#isActive ? this.#own : undefined
  }

  readonly operations = {
    ap_active: ([on]: [boolean]): Answer => {
      this.#isActive = on
      this.onChange()
      return {}
    },
    ap_state: (): Answer => ({ value: { active: this.#isActive, guests: this.#guests } }),
  }

  /** Somebody came over it; the answer is for when he leaves. */
  welcome(): () => void {
    this.#guests++
    return () => {
      this.#guests--
    }
  }

  off(): void {
    this.#isActive = false
    this.onChange()
  }
}
