/** Bytes that arrive in chunks, into memory that the reader gives if it can, as the body of a response in a browser. */
export function streamOf(bytes: Uint8Array, chunk: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0
  return new ReadableStream({
    type: "bytes",
    pull: (controller) => {
      controller.enqueue(bytes.slice(at, at + chunk))
      at += chunk
      if (at >= bytes.length) controller.close()
    },
  })
}
