/**
 * The file .env beside compose.yaml. Lines that this tool does not know stay as they are: people
 * put variables of their own there.
 */

const linePattern = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/

export function readEnv(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name, value] = linePattern.exec(line) ?? []
    if (name !== undefined) values.set(name, unquoted(value ?? ''))
  }
  return values
}

/** The text with these values: in their old places, new ones at the end. */
export function changeEnv(text: string, values: Record<string, string>): string {
  const left = new Map(Object.entries(values))
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const changed = lines.map((line) => {
    const name = linePattern.exec(line)?.[1] ?? ''
    const value = left.get(name)
    if (value === undefined) return line
    left.delete(name)
    return envLine(name, value)
  })
  return `${[...changed, ...[...left].map(([name, value]) => envLine(name, value))].join('\n')}\n`
}

/** Single quotes keep compose from reading the dollar signs of a hash as variables. */
function envLine(name: string, value: string): string {
  return `${name}='${value}'`
}

function unquoted(value: string): string {
  const [, , inner] = /^(['"])(.*)\1(?:\s+#.*)?$/.exec(value) ?? []
  return inner ?? value.replace(/\s+#.*$/, '')
}
