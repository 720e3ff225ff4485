/** What arrived of a body and was not removed yet. */
export type HeldBody = {
  /** In the same memory each time: valid until the next `fill` or `remove`. */
  readonly bytes: Bytes
  /** Waits for more. Returns false at the end of the body. */
  fill(): Promise<boolean>
  /** Removes the bytes from `start` to `end`, and moves those after them. */
  remove(start: number, end: number): void
  /** Ends the request, if the body has not ended. */
  cancel(): Promise<void>
}

type Bytes = Uint8Array<ArrayBuffer>

/** Usually the rows of a checkpoint, of up to two pages, have no more. What is never written to takes no memory. */
const firstBytes = 4 * 1024 * 1024
/** At most as much is read at once: with more, more would be held. */
const roomBytes = 256 * 1024

/**
 * Reads a body into one piece of memory, which is replaced by a larger one only if more is held than ever before: a page that
 * reads a large export needs no more memory, and leaves nothing to collect.
 */
export function holdBody(body: ReadableStream<Uint8Array>): HeldBody {
  const reader = openReader(body)
  let bytes = new Uint8Array(firstBytes).subarray(0, 0)
  return {
    get bytes() {
      return bytes
    },
    fill: async () => {
      const more = await reader.append(bytes)
      if (more !== undefined) bytes = more
      return more !== undefined
    },
    remove: (start, end) => {
      bytes.copyWithin(start, end)
      bytes = bytes.subarray(0, bytes.length - (end - start))
    },
    cancel: () => reader.cancel().catch(() => {}),
  }
}

type Reader = {
  /** Returns the bytes with those that arrived after them; undefined at the end of the body. */
  append(bytes: Bytes): Promise<Bytes | undefined>
  cancel(): Promise<void>
}

function openReader(body: ReadableStream<Uint8Array>): Reader {
  try {
    const reader = body.getReader({ mode: "byob" })
    return {
      append: async (bytes) => {
        const { length } = bytes
        // The browser moves all of the memory to a new buffer, so that `bytes` is empty from then on.
        const memory = withRoom(bytes, roomBytes)
        const { done, value } = await reader.read(memory.subarray(length, length + roomBytes))
        return done ? undefined : new Uint8Array(value.buffer, 0, length + value.length)
      },
      cancel: () => reader.cancel(),
    }
  } catch {
    // Older browsers cannot read into memory that is given to them.
    const reader = body.getReader()
    return {
      append: async (bytes) => {
        const { value } = await reader.read()
        if (value === undefined) return undefined
        const memory = withRoom(bytes, value.length)
        memory.set(value, bytes.length)
        return memory.subarray(0, bytes.length + value.length)
      },
      cancel: () => reader.cancel(),
    }
  }
}

/** All of the memory that begins with some bytes, or a larger one if fewer than `room` would follow them. */
function withRoom(bytes: Bytes, room: number): Bytes {
  const memory = new Uint8Array(bytes.buffer)
  if (memory.length - bytes.length >= room) return memory
  const larger = new Uint8Array(2 * (bytes.length + room))
  larger.set(bytes)
  return larger
}
