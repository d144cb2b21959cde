import { createRequire } from 'node:module'
import { WxError } from '../errors.js'
import type { System } from '../system.js'

/** Where systems keep a sans-serif font that has °, – and the letters of most names. */
const fontFiles = [
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

let ready: Promise<typeof import('@resvg/resvg-wasm')> | undefined

/** Draws an SVG picture as PNG, at twice its size, with a font of this computer. */
export async function pngOf(svg: string, system: System): Promise<Uint8Array> {
  const fonts: Uint8Array[] = []
  for (const path of fontFiles) {
    const font = await system.files.read(path)
    if (font) fonts.push(font)
  }
  if (fonts.length === 0) {
    throw new WxError('USAGE', 'This computer has no font that is known to draw a PNG with.', {
      hint: 'Write an SVG file instead (-o chart.svg), or install the DejaVu fonts.',
    })
  }
  ready ??= loadResvg(system)
  const { Resvg } = await ready
  const picture = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: 2 },
    font: { fontBuffers: fonts, loadSystemFonts: false, sansSerifFamily: 'DejaVu Sans' },
  })
  return picture.render().asPng()
}

async function loadResvg(system: System): Promise<typeof import('@resvg/resvg-wasm')> {
  const resvg = await import('@resvg/resvg-wasm')
  const path = createRequire(import.meta.url).resolve('@resvg/resvg-wasm/index_bg.wasm')
  const bytes = await system.files.read(path)
  await resvg.initWasm((bytes as Uint8Array<ArrayBuffer>).slice().buffer)
  return resvg
}
