/** Runs schedules until one breaks, and prints which. Regular output shows that no schedule runs forever. */
import { mostShort, runSchedule } from "./run.ts"
import { type Topic, isTopic } from "./schedule.ts"

const topics: readonly Topic[] = (process.env["MODEL_TOPICS"] ?? "")
  .split(",")
  .filter((name) => isTopic(name))

console.info(await firstBroken(Number(process.env["MODEL_SEED"]), Number(process.env["MODEL_RUNS"])))

async function firstBroken(firstSeed: number, runs: number): Promise<string> {
  let short = 0
  for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
    console.info(seed)
    try {
      short += await runSchedule(seed, topics)
    } catch (error) {
      return `seed ${seed}: ${String(error).slice(0, 60)}`
    }
    const done = seed + 1 - firstSeed
    if (done % 1000 === 0 && short > mostShort(done)) return `seed ${seed}: ${short} of ${done} end short`
  }
  return "unbroken"
}
