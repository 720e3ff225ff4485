import { expect, test } from "bun:test"
import { runSchedule } from "./model/run.ts"

/** How many schedules to run, and the seed of the first. A failure is run again by `MODEL_RUNS=1 MODEL_SEED=…`. */
const runs = Number(process.env["MODEL_RUNS"] ?? 1000)
const firstSeed = Number(process.env["MODEL_SEED"] ?? 1)

test(
  `scan() keeps its promise in ${runs} schedules of a Mailchimp that changes, stalls and errs`,
  async () => {
    let short = 0
    for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
      short += await runSchedule(seed).catch((cause: unknown) => {
        throw new Error(`Cannot keep the promise: MODEL_RUNS=1 MODEL_SEED=${seed}: ${String(cause)}`, {
          cause,
        })
      })
    }
    expect(short / runs).toBeLessThan(0.01)
  },
  Math.max(60_000, runs * 60),
)
