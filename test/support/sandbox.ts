type SandboxModule = typeof import('../../src/sandbox/sandbox.js')

/** The built sandbox: its boards run in worker threads, which cannot load TypeScript. */
export async function builtSandbox(): Promise<SandboxModule> {
  const built = new URL('../../dist/sandbox/sandbox.js', import.meta.url).href
  return (await import(/* @vite-ignore */ built)) as SandboxModule
}
