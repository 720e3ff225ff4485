import { expect, test } from "bun:test"
import { createTurns } from "../../src/lib/turns.ts"

test("createTurns() gives each call its own turn of the event loop, first come, first served", async () => {
  let turn = 0
  let counting = setImmediate(function count() {
    turn += 1
    counting = setImmediate(count)
  })
  const taken: { name: string; turn: number }[] = []
  const nextTurn = createTurns()
  await Promise.all(
    ["a", "b", "c"].map(async (name) => {
      for (let times = 0; times < 3; times += 1) {
        await nextTurn()
        taken.push({ name, turn })
      }
    }),
  )
  clearImmediate(counting)
  expect(new Set(taken.map(({ turn }) => turn)).size).toBe(9)
  expect(taken.map(({ name }) => name).join("")).toBe("abcabcabc")
})
