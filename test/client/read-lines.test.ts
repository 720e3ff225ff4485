import { expect, test } from "bun:test"
import { readLines } from "../../src/client/read-lines.ts"

function bodyOf(...chunks: readonly (string | Uint8Array)[]) {
  const encoder = new TextEncoder()
  let isCanceled = false
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const chunk of chunks)
        controller.enqueue(typeof chunk === "string" ? encoder.encode(chunk) : chunk)
      controller.close()
    },
    cancel: () => void (isCanceled = true),
  })
  return { body, isCanceled: () => isCanceled }
}

const linesOf = async (...chunks: readonly (string | Uint8Array)[]) =>
  (await Array.fromAsync(readLines(bodyOf(...chunks).body))).flat()

test("lines are joined over chunks, and a line that never ended is dropped", async () => {
  expect(await linesOf('{"a":', '1}\n{"b":2}\n{"c"', ":3")).toEqual(['{"a":1}', '{"b":2}'])
})

test("a character that is divided between chunks stays whole", async () => {
  const bytes = new TextEncoder().encode("お知らせ\n")
  expect(await linesOf(bytes.slice(0, 4), bytes.slice(4))).toEqual(["お知らせ"])
})

test("lines are divided at \\n alone", async () => {
  expect(await linesOf('"a\u2028b\u0085c"\n')).toEqual(['"a\u2028b\u0085c"'])
})

test("the body is canceled when the consumer stops", async () => {
  const controlled = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("1\n")),
    cancel: () => void (isCanceled = true),
  })
  let isCanceled = false
  for await (const lines of readLines(controlled)) if (lines.length > 0) break
  expect(isCanceled).toBe(true)
})
