import { describe, expect, test } from "bun:test"
import { readForm } from "../../src/webhooks/read-form.ts"

/** A body of pieces of ten bytes, which knows how many were read and whether it was left. */
function createBody(pieces: number) {
  const seen = { pieces: 0, isCanceled: false }
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: (controller) => {
        if (seen.pieces === pieces) return controller.close()
        seen.pieces += 1
        controller.enqueue(new Uint8Array(10).fill(seen.pieces))
      },
      cancel: () => void (seen.isCanceled = true),
    },
    { highWaterMark: 0 },
  )
  return { body, seen }
}

describe("readForm()", () => {
  test("joins the pieces of a body that is as large as allowed", async () => {
    const { body } = createBody(3)
    const form = await readForm({ headers: new Headers(), body }, 30)
    expect([...(form ?? [])]).toEqual([1, 2, 3].flatMap((value) => Array<number>(10).fill(value)))
    expect(await readForm({ headers: new Headers(), body: null }, 30)).toEqual(new Uint8Array())
  })

  test("leaves a body without a length at the first piece that is too much", async () => {
    const { body, seen } = createBody(1_000_000)
    expect(await readForm({ headers: new Headers(), body }, 30)).toBeUndefined()
    expect(seen).toEqual({ pieces: 4, isCanceled: true })
  })

  test("reads nothing of a body whose length says that it is too large", async () => {
    const { body, seen } = createBody(4)
    const headers = new Headers({ "content-length": "40" })
    expect(await readForm({ headers, body }, 30)).toBeUndefined()
    expect(seen.pieces).toBe(0)
  })
})
