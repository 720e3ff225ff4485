import { afterAll, describe, expect, test } from "bun:test"
import { leaksIn } from "../../support/leaks.ts"
import { startMatrixService } from "./matrix-service.ts"
import { isPosition, positions } from "./positions.ts"
import { runJob } from "./run-job.ts"

const service = await startMatrixService(200)
afterAll(service.stop)

const groups = Object.keys(positions)
  .filter(isPosition)
  .flatMap((position) =>
    service.faults.flatMap((fault) => fault.plays.map((play) => ({ fault, play, position }))),
  )
// All at a time, because each has an account of its own and mostly waits.
const jobs = groups.map((cell) => ({
  ...cell,
  result: settled(runJob(service, service.account(cell.fault), cell)),
}))

describe("a job through a fault is complete, or has failed with the code and is complete after a retry", () => {
  for (const { fault, play, position, result } of jobs)
    test(`${fault.name}, ${play}, in ${position}`, async () => {
      const { outcomes, ...rest } = await result()
      expect(rest).toEqual({ played: expect.any(Number), difference: { missing: 0, foreign: 0 } })
      expect(rest.played).toBeGreaterThan(0)
      const failures = outcomes.slice(0, -1)
      expect(outcomes.at(-1)).toBe("complete")
      if (play === "passing") expect(failures.filter((code) => code !== fault.code)).toEqual([])
      else expect(failures).toEqual(play === "once" ? [] : [fault.code])
    }, 240_000)
})

test("no token, secret or address is in a log line, a metric or a span", async () => {
  for (const text of Object.values(await service.said())) expect(leaksIn(text, service.secrets)).toEqual([])
})

/** Waits for a result that is needed later, so that a failure until then is not an unhandled one. */
function settled<T>(promise: Promise<T>): () => Promise<T> {
  promise.catch(() => {})
  return () => promise
}
