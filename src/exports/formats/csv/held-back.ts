/** The end of what was written, not sent yet. CSV has no byte that readers ignore, so pieces of this show that an export is alive. */
export type HeldBack = {
  /** Holds back the last bytes instead of those that were held before. Returns what to send now: all others. */
  hold(bytes: Uint8Array): Uint8Array
  /** All that is held back, and stays so. */
  bytes(): Uint8Array
  /** The next byte of what is held back. Empty if nothing is left. */
  piece(): Uint8Array
  /** All that was held back. */
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
    hold: (bytes) => {
      const sent = bytes.subarray(0, Math.max(0, bytes.length - size))
      // A copy, because a view would keep the whole page in memory.
      held = Uint8Array.from(bytes.subarray(sent.length))
      return sent
    },
    bytes: () => held,
    piece: () => take(1),
    rest: () => take(held.length),
  }
}
