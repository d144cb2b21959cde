import { readFileSync } from 'node:fs'

export interface WireFrame {
  dir?: 'in' | 'out'
  text?: string
  close?: number
  note?: string
}

export interface WireSocket {
  name: string
  url: string
  headers: Record<string, string>
  handshake: { status: number }
  frames: WireFrame[]
}

/** What was recorded of the real server's WebSockets. */
export function wireEntries(file: 'websocket'): WireSocket[] {
  const url = new URL(`../contract/wire/${file}.jsonl`, import.meta.url)
  return readFileSync(url, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as WireSocket)
}
