import { expect, test } from "bun:test"
import { createTurns } from "../../src/lib/turns.ts"

async function* numbers() {
  yield 1
  yield 2
  yield 3
}

test("createTurns() passes each item on in a turn of the event loop of its own, and its sources in turn", async () => {
  let turn = 0
  let counting = setImmediate(function count() {
    turn += 1
    counting = setImmediate(count)
  })
  const taken: { source: string; turn: number }[] = []
  const inTurns = createTurns()
  await Promise.all(
    ["a", "b", "c"].map(async (source) => {
      for await (const _item of inTurns(numbers())) taken.push({ source, turn })
    }),
  )
  clearImmediate(counting)
  expect(new Set(taken.map(({ turn }) => turn)).size).toBe(9)
  expect(taken.map(({ source }) => source).join("")).toBe("abcabcabc")
})

test("createTurns() closes its source when it is closed", async () => {
  let isClosed = false
  const source = async function* () {
    try {
      yield* numbers()
    } finally {
      isClosed = true
    }
  }
  const items = createTurns()(source())
  await items.next()
  await items.return(undefined)
  expect(isClosed).toBe(true)
})
