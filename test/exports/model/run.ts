import { AppError } from "../../../src/errors.ts"
import { lastClosedSecond } from "../../../src/exports/closed.ts"
import type { Cursor } from "../../../src/exports/cursor.ts"
import { decodeCursor, encodeCursor } from "../../../src/exports/cursor-bytes.ts"
import { type Delivery, countRows } from "../../../src/exports/delivery.ts"
import { coarsen } from "../../../src/exports/fit-cursor.ts"
import type { ListResult } from "../../../src/exports/list-scan.ts"
import type { ListPlace } from "../../../src/exports/place.ts"
import { type Plan, planExport } from "../../../src/exports/plan.ts"
import { createScan } from "../../../src/exports/scan.ts"
import { Broken, type Promised, type Replica, judgeList, receive } from "./judge.ts"
import { type Change, createModelMailchimp } from "./mailchimp.ts"
import { createRandom } from "./random.ts"
import { MARGIN_S, isSelected, randomLists, randomSelection, randomSettings, startChurn } from "./schedule.ts"
import { createVirtualTime } from "./virtual-time.ts"

/**
 * Exports lists of a model of Mailchimp, all of it made up from the seed, with crashes and incremental exports after, and
 * checks the promise to the letter.
 *
 * @returns how many lists ended short although Mailchimp gave what it counted
 */
export async function runSchedule(seed: number): Promise<number> {
  const random = createRandom(seed)
  const start = 1_700_000_000 + random.next()
  const time = createVirtualTime(start)
  const settings = randomSettings(random)
  const mailchimp = createModelMailchimp(randomLists(random, start), settings, random, time)
  const isUsual =
    settings.oddity === "none" && settings.before === "inclusive" && settings.since === "exclusive"
  startChurn(mailchimp, random, time)
  const consumerS = random.pick([0, 0, 0, 0.1, 3])
  const crash = random.pick([0, 0, 0.05, 0.2])
  const selection = randomSelection(random, start, settings)
  // After an upper bound that the caller set there is nothing to continue from.
  const incrementals = selection.before === undefined ? random.pick([0, 0, 1, 3]) : 0

  const replica: Replica = new Map()
  const duplicates = new Map<string, string>()
  const listIds = mailchimp.lists.map(({ id }) => id)
  let streams = 0
  let rows = 0
  let short = 0
  let results: ListResult[] = []
  const wasShort = new Set<string>()

  await time.run(exportAndContinue())
  return short

  async function exportAndContinue() {
    let end = await exportAll()
    const { horizon } = end
    judge({ isOfUnchanged: selection.before !== undefined })
    for (let left = incrementals; left > 0; left -= 1) {
      await time.sleepUntil(time.now() + random.pick([0, 1, 20, 100]))
      end = await exportAll(end)
      judge({ changedSince: horizon })
    }
  }

  async function exportAll(from?: Cursor): Promise<Cursor> {
    let cursor = from
    let crashes = 3
    results = []
    duplicates.clear()
    for (;;) {
      streams += 1
      const plan = planExport(listIds, selection, lastClosedSecond(mailchimp.clock(), MARGIN_S), cursor)
      const cursorOf = (kind: Cursor["kind"], lists: readonly ListPlace[]) =>
        roundTrip({ kind, selection: "", isIncremental: plan.isIncremental, horizon: plan.horizon, lists })
      const connection = new AbortController()
      const onListEnd = (result: ListResult) => void results.push(result)
      const scan = createScan({ ...plan, marginS: MARGIN_S, onListEnd }, mailchimp, connection.signal)
      let isBroken = false
      try {
        for await (const delivery of scan.deliveries()) {
          take(delivery, plan)
          if (crash + settings.refusal > 0 && random.chance(0.7))
            cursor = cursorOf("checkpoint", scan.places())
          isBroken = crashes > 0 && random.chance(crash)
          if (isBroken) break
          if (consumerS > 0) await time.sleepUntil(time.now() + random.between(0, consumerS))
        }
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        isBroken = true
      }
      if (!isBroken) return cursorOf("end", scan.nextPlaces())
      crashes -= 1
      connection.abort(new Error("Crashed"))
      // Without a checkpoint all begins anew.
      if (!cursor) replica.clear()
      await time.sleepUntil(time.now() + random.pick([0, 5, 200]))
    }
  }

  function take(delivery: Delivery, { isIncremental }: Plan) {
    // Should `since` find what it did before, it does so for the caller's as well.
    const isAsked = (change: Change) =>
      isIncremental || settings.since !== "exclusive" || isSelected(selection, change)
    const duplicate = receive(replica, delivery, mailchimp, streams, isAsked)
    if (duplicate !== undefined) duplicates.set(delivery.listId, duplicate)
    rows += countRows(delivery.ranges)
  }

  function roundTrip(cursor: Cursor): Cursor {
    // The cursors of some schedules are as coarse as those of very many lists.
    const stepS = [1, 1, 8, 64][seed % 4] ?? 1
    return decodeCursor(encodeCursor(coarsen(cursor, { stepS, keepsTotals: stepS < 64 })))
  }

  function judge(promised: Pick<Promised, "changedSince" | "isOfUnchanged">) {
    for (const list of mailchimp.lists) {
      const result = results.findLast(({ listId }) => listId === list.id)
      if (!result) throw new Broken(`No result for ${list.id}`)
      if (result.isShort) {
        short += settings.short === 0 && isUsual ? 1 : 0
        wasShort.add(list.id)
        continue
      }
      // The export after a short one asks by dates, which hide a member without one.
      if (settings.oddity.startsWith("undated") && wasShort.has(list.id)) continue
      if (duplicates.has(list.id) && isUsual)
        throw new Broken(`A duplicate without a cause: ${duplicates.get(list.id)}`)
      judgeList(replica, list, {
        ...promised,
        asOf: result.asOf,
        isSelected: (change) => isSelected(selection, change),
      })
    }
    const fewest = mailchimp.lists.length + rows / (settings.pageSize - 1)
    // Where answers are cut short, or count too high, all is read once more, and much is asked for again.
    const isMild = settings.short === 0 && isUsual
    if (mailchimp.answers() > (isMild ? 100 : 200) * streams + 20 * fewest) {
      throw new Broken(`Too many questions: ${mailchimp.answers()}, where ${Math.ceil(fewest)} could do`)
    }
  }
}
