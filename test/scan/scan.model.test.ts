import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { rules, withoutRule } from "./model/rules.ts"
import { runSchedule } from "./model/run.ts"

/** How many schedules to run, and the seed of the first. To repeat a failure: `MODEL_RUNS=1 MODEL_SEED=…`. */
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
    // Ten of a few schedules may be chance.
    expect(short).toBeLessThanOrEqual(Math.max(10, 0.003 * runs))
  },
  Math.max(60_000, runs * 60),
)

test("each rule that can be taken out to check the model still quotes the code of its file", () => {
  for (const rule of rules) {
    const code = readFileSync(join(import.meta.dir, "../../src/scan", rule.file), "utf8")
    expect(withoutRule(code, rule)).not.toBe(code)
  }
})
