/** Lets the producer of a stream free the memory of a chunk as soon as its consumer has copied that chunk. */
export type LentChunk = {
  /** The producer calls this before it yields the chunk. */
  lend(free: () => void): void
  /** The consumer calls this when it has copied the chunk, or pulls the next one. Without a chunk it does nothing. */
  copied(): void
}

export function createLentChunk(): LentChunk {
  let free: (() => void) | undefined
  return {
    lend: (whenCopied) => (free = whenCopied),
    copied: () => {
      free?.()
      free = undefined
    },
  }
}
