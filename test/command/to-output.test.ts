import { expect, test } from "bun:test"
import { Writable } from "node:stream"
import { toOutput } from "../../src/command/to-output.ts"

/** A terminal's stream that takes its first bytes when `take` is called. */
function createSlowStream(highWaterMark: number) {
  const taken: string[] = []
  let take = () => {}
  const stream = new Writable({
    highWaterMark,
    write: (chunk, _encoding, done) => {
      take = () => {
        taken.push(String(chunk))
        done()
      }
    },
  })
  return { stream: Object.assign(stream, { isTTY: false, columns: 80 }), taken, take: () => take() }
}

test("toOutput() writes the bytes of the call, also if their buffer is used again before the stream takes them", async () => {
  const { stream, taken, take } = createSlowStream(1000)
  const output = toOutput(stream)
  const bytes = Buffer.from("first\n")
  await output.write(bytes)
  bytes.write("other\n")
  await output.write("text\n")
  take()
  take()
  expect(taken).toEqual(["first\n", "text\n"])
})

test("toOutput() waits while the stream takes nothing more, and rejects if the signal aborts meanwhile", async () => {
  const { stream, take } = createSlowStream(1)
  const stopping = new AbortController()
  const output = toOutput(stream, stopping.signal)
  let isWritten = false
  const written = output.write("12").then(() => (isWritten = true))
  await Bun.sleep(0)
  expect(isWritten).toBe(false)
  take()
  await written
  const other = output.write("34")
  const reason = new Error("interrupted")
  stopping.abort(reason)
  await expect(other).rejects.toBe(reason)
  await expect(output.write("56")).rejects.toBe(reason)
})
