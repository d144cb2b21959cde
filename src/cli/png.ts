import { createRequire } from 'node:module'
import type { System } from '../system.js'
import { trueTypeOf } from './woff.js'

/** Fonts of the computer, for letters of names that the package's own (Latin) font lacks. */
const otherFonts = [
  '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf',
  '/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf',
  '/usr/share/fonts/TTF/DejaVuSans.ttf',
  '/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf',
  '/usr/share/fonts/liberation-sans/LiberationSans-Regular.ttf',
  '/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf',
  '/System/Library/Fonts/Supplemental/Arial.ttf',
  'C:\\Windows\\Fonts\\arial.ttf',
  'C:\\Windows\\Fonts\\segoeui.ttf',
]

const require = createRequire(import.meta.url)

let ready: Promise<typeof import('@resvg/resvg-wasm')> | undefined

/** Draws an SVG picture as PNG, at twice its size: the same on every computer. */
export async function pngOf(svg: string, system: System): Promise<Uint8Array> {
  const own = await system.files.read(
    require.resolve('@fontsource/b612/files/b612-latin-400-normal.woff'),
  )
  const fonts = [trueTypeOf(own as Uint8Array)]
  for (const path of otherFonts) {
    const font = await system.files.read(path)
    if (font) fonts.push(font)
  }
  ready ??= loadResvg(system)
  const { Resvg } = await ready
  const picture = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: 2 },
    font: { fontBuffers: fonts, loadSystemFonts: false, defaultFontFamily: 'B612' },
  })
  return picture.render().asPng()
}

async function loadResvg(system: System): Promise<typeof import('@resvg/resvg-wasm')> {
  const resvg = await import('@resvg/resvg-wasm')
  const bytes = await system.files.read(require.resolve('@resvg/resvg-wasm/index_bg.wasm'))
  await resvg.initWasm((bytes as Uint8Array<ArrayBuffer>).slice().buffer)
  return resvg
}
