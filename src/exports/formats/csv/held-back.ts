/** The end of what was written, not sent yet. CSV has no byte that readers ignore, so pieces of this show that an export is alive. */
export type HeldBack = {
  /** Returns what to send now: all but the last bytes. */
  add(bytes: Uint8Array): Uint8Array
  /** The next byte of what is held back. Empty if nothing is left. */
  piece(): Uint8Array
  /** All that is held back. */
  rest(): Uint8Array
}

/** Holds back the last bytes, at most `size` of them. */
export function createHeldBack(size: number): HeldBack {
  let held = new Uint8Array()
  const take = (length: number) => {
    const taken = held.subarray(0, length)
    held = held.subarray(length)
    return taken
  }
  return {
    add: (bytes) => {
      const all = Buffer.concat([held, bytes])
      const sent = all.subarray(0, Math.max(0, all.length - size))
      // A copy, because a view would keep the whole page in memory.
      held = Uint8Array.from(all.subarray(sent.length))
      return sent
    },
    piece: () => take(1),
    rest: () => take(held.length),
  }
}
