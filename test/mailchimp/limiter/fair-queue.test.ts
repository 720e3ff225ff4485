import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { createFairQueue } from "../../../src/mailchimp/limiter/fair-queue.ts"

function drain<Item>(queue: { next(): Item | undefined }): Item[] {
  const items: Item[] = []
  for (let item = queue.next(); item !== undefined; item = queue.next()) items.push(item)
  return items
}

describe("createFairQueue()", () => {
  test("serves the flows in turn, each flow's items in their order", () => {
    const queue = createFairQueue<string, string>()
    for (const item of ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]) queue.add(item.charAt(0), item)
    expect(drain(queue)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3", "a4"])
  })

  test("puts a flow that comes back after the flows that wait", () => {
    const queue = createFairQueue<string, string>()
    queue.add("a", "a1")
    queue.add("b", "b1")
    expect(queue.next()).toBe("a1")
    queue.add("a", "a2")
    expect(drain(queue)).toEqual(["b1", "a2"])
  })

  test("never serves a flow twice while another flow waits, whatever happens", () => {
    const action = fc.oneof(
      fc.record({ type: fc.constant("add" as const), flow: fc.nat(4) }),
      fc.record({ type: fc.constant("delete" as const), position: fc.nat(30) }),
      fc.record({ type: fc.constant("next" as const) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const queue = createFairQueue<number, { flow: number; nth: number }>()
        let waiting: { flow: number; nth: number }[] = []
        /** For each flow that waits: the flows served since it began to wait. */
        const servedSince = new Map<number, number[]>()
        for (const [nth, step] of actions.entries()) {
          if (step.type === "add") {
            const item = { flow: step.flow, nth }
            queue.add(step.flow, item)
            waiting.push(item)
            if (!servedSince.has(step.flow)) servedSince.set(step.flow, [])
          }
          const left = step.type === "delete" ? waiting[step.position] : undefined
          if (left !== undefined) queue.delete(left.flow, left)
          const served = step.type === "next" ? queue.next() : undefined
          if (step.type === "next") expect(served === undefined).toBe(waiting.length === 0)
          if (served !== undefined) {
            expect(served).toBe(waiting.find(({ flow }) => flow === served.flow)!)
            servedSince.delete(served.flow)
            for (const flows of servedSince.values()) {
              expect(flows).not.toContain(served.flow)
              flows.push(served.flow)
            }
          }
          waiting = waiting.filter((item) => item !== left && item !== served)
          if (served !== undefined && waiting.some(({ flow }) => flow === served.flow)) {
            servedSince.set(served.flow, [])
          }
          for (const flow of servedSince.keys()) {
            if (!waiting.some((item) => item.flow === flow)) servedSince.delete(flow)
          }
          expect(queue.size).toBe(waiting.length)
        }
        expect(drain(queue)).toHaveLength(waiting.length)
      }),
    )
  })

  test("drops a deleted item, and ignores an item that is not in the queue", () => {
    const queue = createFairQueue<string, string>()
    queue.add("a", "a1")
    queue.add("a", "a2")
    queue.delete("a", "a1")
    queue.delete("a", "a1")
    queue.delete("b", "b1")
    expect([queue.size, queue.sizeOf("a"), queue.sizeOf("b")]).toEqual([1, 1, 0])
    expect([...queue]).toEqual(["a2"])
    expect(drain(queue)).toEqual(["a2"])
  })
})
