import { expect, test } from "bun:test"
import { join } from "node:path"
import { isParsable, marksIn } from "./model/mark.ts"
import { readSources, rules, withoutRule } from "./model/rules.ts"
import { mostShort, runSchedule } from "./model/run.ts"

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
    expect(short).toBeLessThanOrEqual(mostShort(runs))
  },
  Math.max(180_000, runs * 180),
)

const sources = readSources(join(import.meta.dir, "../.."))

test("each mark in the code is that of a rule, and each rule has one", () => {
  const names = rules.map(({ name }) => name)
  expect(sources.flatMap(({ code }) => marksIn(code)).toSorted()).toEqual(names.toSorted())
})

test("each rule can be taken out of the code, which can still be parsed", () => {
  for (const rule of rules) {
    const { path, code } = withoutRule(sources, rule)
    expect(sources.find((source) => source.path === path)?.code).not.toBe(code)
    expect({ rule: rule.name, isParsable: isParsable(code) }).toEqual({ rule: rule.name, isParsable: true })
  }
})

test("src/scan/README.md explains each rule, with its name in bold, and nothing else is bold", async () => {
  const readme = await Bun.file(join(import.meta.dir, "../../src/scan/README.md")).text()
  const bold = [...readme.replaceAll(/\s+/g, " ").matchAll(/\*\*(.+?)\.?\*\*/g)].map(([, text = ""]) => text)
  const names = rules.map(({ name }) => name.toLowerCase())
  expect(bold.map((text) => text.toLowerCase()).toSorted()).toEqual(names.toSorted())
})
