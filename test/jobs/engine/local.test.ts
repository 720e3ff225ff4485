import { expect, test } from "bun:test"
import type { RunJob } from "../../../src/jobs/engine/engine.ts"
import { createLocalEngine } from "../../../src/jobs/engine/local.ts"
import type { JobEvent } from "../../../src/jobs/job-event.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

/** An engine over a list of open jobs, whose runs last until the test ends them. */
function engineOf(options: { readonly open?: string[]; readonly lock?: () => boolean } = {}) {
  const { open = [], lock = () => true } = options
  const clock = createVirtualClock()
  const events: JobEvent["type"][] = []
  const runs = new Map<string, ReturnType<typeof Promise.withResolvers<void>>>()
  const started: string[] = []
  let failure: Error | undefined
  let isReleased = false
  const run: RunJob = (id, signal) => {
    const ended = Promise.withResolvers<void>()
    signal.addEventListener("abort", () => ended.resolve())
    started.push(id)
    runs.set(id, ended)
    return ended.promise
  }
  const engine = createLocalEngine({
    open: async (limit) => {
      if (failure) throw failure
      return open.slice(0, limit).map((id) => ({ id }))
    },
    run,
    concurrency: 2,
    lock: { acquire: lock, release: () => void (isReleased = true) },
    clock,
    onEvent: ({ type }) => void events.push(type),
  })
  return {
    engine,
    clock,
    open,
    events,
    started,
    isReleased: () => isReleased,
    fail: (error: Error | undefined) => void (failure = error),
    end: async (id: string, error?: Error) => {
      if (error === undefined) {
        open.splice(open.indexOf(id), 1)
        runs.get(id)?.resolve()
      } else runs.get(id)?.reject(error)
      await clock.advance(0)
    },
  }
}

test("as many open jobs run as may, in their order, and the next when one ends", async () => {
  const { engine, clock, open, started, end } = engineOf()
  open.push("a", "b", "c", "d")
  await engine.add({ id: "a", openBefore: 0 })
  await clock.advance(0)
  expect(started).toEqual(["a", "b"])
  await end("b")
  expect(started).toEqual(["a", "b", "c"])
  await engine.close()
  expect(started).toEqual(["a", "b", "c"])
})

test("open jobs that nobody added are found: those of an earlier process at once, others within two seconds", async () => {
  const { engine, clock, open, started } = engineOf({ open: ["a"] })
  await clock.advance(0)
  expect(started).toEqual(["a"])
  open.push("b")
  await clock.advance(2000)
  expect(started).toEqual(["a", "b"])
  await engine.close()
})

test("without the lock nothing runs, until the other process has ended", async () => {
  let isFree = false
  const { engine, clock, open, started, events, isReleased } = engineOf({ lock: () => isFree })
  open.push("a")
  await clock.advance(4000)
  expect([started, events]).toEqual([[], ["jobs_run_elsewhere"]])
  isFree = true
  await clock.advance(2000)
  expect([started, events]).toEqual([["a"], ["jobs_run_elsewhere", "jobs_run_here"]])
  await engine.close()
  expect([isReleased(), clock.sleepers()]).toEqual([true, 0])
})

test("a run that the database fails is repeated after a pause, and reported once per outage", async () => {
  const { engine, clock, started, events, end, fail } = engineOf({ open: ["a"] })
  await clock.advance(0)
  fail(new Error("no database"))
  await end("a", new Error("no database"))
  await clock.advance(6000)
  expect(started).toEqual(["a"])
  fail(undefined)
  await clock.advance(2000)
  expect(started).toEqual(["a", "a"])
  expect(events.filter((type) => type === "job_engine_failed")).toHaveLength(1)
  await engine.close()
})

test("cancel() resolves when the run has stopped, and close() when all have", async () => {
  const { engine, clock, open, started } = engineOf({ open: ["a", "b"] })
  await clock.advance(0)
  open.shift()
  await engine.cancel("a")
  await engine.cancel("unknown")
  await engine.close()
  expect(started).toEqual(["a", "b"])
  await clock.advance(10_000)
  expect(started).toEqual(["a", "b"])
})
