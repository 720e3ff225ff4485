import { afterAll, describe, expect, test } from "bun:test"
import { leaksIn } from "../../support/leaks.ts"
import { createPool } from "../../support/pool.ts"
import { startMatrixService } from "./matrix-service.ts"
import type { Position } from "./positions.ts"
import { lostLine } from "./read-leg.ts"
import { type Cell, cellsOf, type CellResult, isAsExpected, nameOf, runCell } from "./run-cells.ts"

/** Bun's fetch has at most 256 requests at a time. */
const concurrentCells = 250
const mostCells = 700

/** Runs all faults that begin at a position, in every format and compression, and all of them at a time. */
export async function testPosition(position: Position): Promise<void> {
  const service = await startMatrixService(mostCells)
  afterAll(service.stop)
  const groups = service.faults
    .flatMap((fault) => fault.plays.map((play) => ({ fault, play, cells: cellsOf(fault, play, position) })))
    // What lasts longest begins first.
    .toSorted((a, b) => Number(a.play === "once") - Number(b.play === "once"))
  const pool = createPool(concurrentCells)
  const running = groups.map(({ fault, play, cells }) => ({
    name: `${fault.name}, ${play}`,
    cells: cells.map((cell) => ({ cell, result: start(cell) })),
  }))

  function start(cell: Cell): Promise<CellResult> {
    const run = async () => {
      const account = service.account(cell.fault)
      return runCell(service, account, cell, await service.connect(account))
    }
    // If this process is too busy to read for half a second, the reset drops the last line: see breakDelayMs.
    const result = pool(async () => {
      const first = await run()
      return first.legs.some(({ outcome }) => outcome === lostLine) ? run() : first
    })
    // A test awaits it later.
    result.catch(() => {})
    return result
  }

  describe(`faults that begin in ${position}`, () => {
    for (const { name, cells } of running)
      test(`${name}: every format and compression is complete, or broken and then completed`, async () => {
        const odd: CellResult[] = []
        for (const { cell, result } of cells) if (!isAsExpected(cell, await result)) odd.push(await result)
        expect(odd).toEqual([])
      }, 240_000)

    test("every transfer that broke is logged with the code of its fault", async () => {
      const codes = codesByRequest((await service.said()).log)
      for (const { cells } of running)
        for (const { cell, result } of cells)
          for (const { outcome, requestId } of (await result).legs)
            if (outcome === "broken")
              expect([nameOf(cell), codes.get(requestId)]).toEqual([nameOf(cell), cell.fault.code])
    })

    test("no token, secret or address is in a log line, a metric or a span", async () => {
      const said = await service.said()
      expect(Object.values(said).map(({ length }) => length > 10_000)).toEqual([true, true, true])
      for (const text of Object.values(said)) expect(leaksIn(text, service.secrets)).toEqual([])
    })

    test("no request followed a redirect to the other host", () => {
      expect(service.strayRequests()).toBe(0)
    })
  })
}

/** The codes of the exports that failed, by the id of their request. */
function codesByRequest(log: string): ReadonlyMap<string, string> {
  const failed = log.split("\n").filter((line) => line.includes('"msg":"export failed"'))
  return new Map(failed.map((line) => JSON.parse(line)).map((line) => [line.request_id, line.error.code]))
}
