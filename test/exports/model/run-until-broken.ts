/** Runs schedules until one breaks, and says which. A sign of life now and then tells that none of them lasts for ever. */
import { runSchedule } from "./run.ts"

console.info(await firstBroken(Number(process.env["MODEL_SEED"]), Number(process.env["MODEL_RUNS"])))

async function firstBroken(firstSeed: number, runs: number): Promise<string> {
  for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
    if (seed % 100 === 0) console.info(seed)
    try {
      await runSchedule(seed)
    } catch (error) {
      return `seed ${seed}: ${String(error).slice(0, 60)}`
    }
  }
  return "unbroken"
}
