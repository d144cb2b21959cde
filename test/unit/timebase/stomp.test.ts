import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFrame, type Frame, FrameReader } from '../../../src/timebase/stomp.js'
import { wireEntries } from '../../support/wire.js'

const frame: fc.Arbitrary<Frame> = fc.record({
  command: fc.constantFrom('SEND', 'SUBSCRIBE', 'MESSAGE', 'ERROR', 'RECEIPT'),
  headers: fc
    .dictionary(fc.string({ minLength: 1 }), fc.string(), { maxKeys: 5, noNullPrototype: false })
    .map((headers) =>
      Object.fromEntries(
        Object.entries(headers).filter(
          ([name, value]) =>
            !/\0/.test(name + value) && !['content-length', '__proto__'].includes(name),
        ),
      ),
    ),
  body: fc.string().map((text) => text.replaceAll('\0', '')),
})

describe('frames', () => {
  it('come back as they were written, wherever the wire cuts them', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 4 }),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom('', '\n', '\r\n\n'),
        (frames, size, beat) => {
          const text = frames.map((one) => encodeFrame(one) + beat).join('')
          const reader = new FrameReader()
          const read: Frame[] = []
          for (let i = 0; i < text.length; i += size)
            read.push(...reader.take(text.slice(i, i + size)))
          expect(
            read.map(({ headers, ...rest }) => ({ ...rest, headers: { ...headers } })),
          ).toEqual(frames)
        },
      ),
    )
  })

  it('may hold NULs where content-length says so', () => {
    const text = 'MESSAGE\ncontent-length:5\n\nä\0b\0\0MESSAGE\n\nnext\0'
    expect(new FrameReader().take(text).map(({ body }) => body)).toEqual(['ä\0b\0', 'next'])
  })

  it.each([
    ['no head\0'],
    ['message\n\n\0'],
    ['MESSAGE\nno colon here\n\n\0'],
    ['MESSAGE\nkey:\\t\n\n\0'],
  ])('%j is none', (text) => {
    expect(() => new FrameReader().take(text)).toThrow(SyntaxError)
  })

  it.each([
    ['in its head', 'MESSAGE\n', 'a'],
    ['in its body', 'MESSAGE\n\n', 'a'],
    ['behind a length that is never reached', 'MESSAGE\ncontent-length:99999999\n\n', 'a\0'],
  ])('without an end are refused, whether they go on %s', (_name, begin, more) => {
    const reader = new FrameReader()
    reader.take(begin)
    const piece = more.repeat(100_000)
    expect(() => {
      for (let i = 0; i < 50; i++) reader.take(piece)
    }).toThrow(SyntaxError)
  })

  it('of any garbage end in frames or a SyntaxError', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 8 }), (chunks) => {
        const reader = new FrameReader()
        try {
          for (const chunk of chunks) reader.take(chunk)
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError)
        }
      }),
    )
  })

  it('without an end are refused before they fill the memory', () => {
    const reader = new FrameReader()
    reader.take('MESSAGE\n\n')
    expect(() => {
      for (let i = 0; i < 100; i++) reader.take('x'.repeat(100_000))
    }).toThrow(SyntaxError)
  })
})

describe('what the real server sent', () => {
  const inbound = wireEntries('websocket')
    .filter(({ url }) => url === '/stomp/v0')
    .flatMap(({ name, frames }) =>
      frames.flatMap((one) => (one.dir === 'in' && one.text ? [[name, one.text] as const] : [])),
    )

  it('is in the recording', () => expect(inbound.length).toBeGreaterThan(5))

  it.each(inbound)('%s is one frame', (_name, text) => {
    // Recorded bodies were shortened by placeholders, so their lengths do not count.
    const frames = new FrameReader().take(text.replace(/content-length:\d+\n/, ''))
    expect(frames).toHaveLength(1)
    expect(['CONNECTED', 'MESSAGE', 'ERROR']).toContain(frames[0]?.command)
  })

  it('names who is not signed in', () => {
    const text = inbound.find(([name]) => name === 'stomp-no-token')?.[1] ?? ''
    const [first] = new FrameReader().take(text)
    expect(first?.headers.message).toContain('AccessDeniedException: User not authenticated.')
  })
})
