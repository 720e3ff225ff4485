/** The address and length of a row's text. */
export type RowRange = { readonly address: number; readonly length: number }

/** The texts of rows as UTF-8 bytes, outside the garbage collector's heap. Rows are added, never changed or removed. */
export type RowStore = {
  add(text: string): RowRange
  text(range: RowRange): string
  /** The stored bytes, not a copy. */
  bytes(range: RowRange): Uint8Array
}

const BLOCK_BYTES = 1 << 20

/** Blocks of a megabyte: a million rows of 835 bytes become a few hundred buffers instead of a million strings. */
export function createRowStore(): RowStore {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  const blocks: Uint8Array[] = []
  let block = new Uint8Array(0)
  let used = 0

  const add = (text: string): RowRange => {
    const needed = text.length * 3
    if (used + needed > block.length) {
      block = new Uint8Array(Math.max(BLOCK_BYTES, needed))
      blocks.push(block)
      used = 0
    }
    const { written } = encoder.encodeInto(text, block.subarray(used))
    const range = { address: (blocks.length - 1) * ADDRESSES + used, length: written }
    used += written
    return range
  }
  const bytes = ({ address, length }: RowRange): Uint8Array => {
    const start = address % ADDRESSES
    return (blocks[Math.floor(address / ADDRESSES)] ?? block).subarray(start, start + length)
  }
  return { add, bytes, text: (range) => decoder.decode(bytes(range)) }
}

/** Addresses reserved for each block: more than the longest row can be. */
const ADDRESSES = 2 ** 32
