/** Text from a board or a file that goes to a terminal: whatever is not printable ASCII becomes a dot. */
export function printable(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.'))
    .join('')
}
