import { lastClosedSecond } from "../../../src/exports/closed.ts"
import { parseCursorContent, toCursorContent } from "../../../src/exports/cursor.ts"
import { countRows } from "../../../src/exports/delivery.ts"
import type { ListResult } from "../../../src/exports/list-scan.ts"
import type { ListPlace } from "../../../src/exports/place.ts"
import { planExport } from "../../../src/exports/plan.ts"
import { createScan } from "../../../src/exports/scan.ts"
import { Broken, type Promised, type Replica, judgeList, receive } from "./judge.ts"
import { createModelMailchimp } from "./mailchimp.ts"
import { createRandom } from "./random.ts"
import { MARGIN_S, randomLists, randomSettings, startChurn } from "./schedule.ts"
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
  const withArchived = random.chance(0.4)
  const incrementals = random.pick([0, 0, 1, 3])

  const replica: Replica = new Map()
  const duplicates = new Map<string, string>()
  let streams = 0
  let rows = 0
  let short = 0
  let results: ListResult[] = []
  const wasShort = new Set<string>()

  await time.run(exportAndContinue())
  return short

  async function exportAndContinue() {
    const firstHorizon = lastClosedSecond(mailchimp.clock(), MARGIN_S)
    const listIds = mailchimp.lists.map(({ id }) => id)
    let places = planExport(listIds, { includeArchived: withArchived }, firstHorizon).lists
    places = await exportAll(places, true)
    judge({ archived: withArchived ? "all" : "none", archivedSince: firstHorizon })
    for (let left = incrementals; left > 0; left -= 1) {
      await time.sleepUntil(time.now() + random.pick([0, 1, 20, 100]))
      places = await exportAll(places, false)
      judge({ archived: withArchived ? "all" : "changed", archivedSince: firstHorizon })
    }
  }

  async function exportAll(lists: readonly ListPlace[], isWhole: boolean): Promise<ListPlace[]> {
    const horizon = lastClosedSecond(mailchimp.clock(), MARGIN_S)
    let places = lists
    let crashes = 3
    results = []
    duplicates.clear()
    for (;;) {
      streams += 1
      const connection = new AbortController()
      const onListEnd = (result: ListResult) => void results.push(result)
      const scan = createScan(
        { lists: places, horizon, marginS: MARGIN_S, isWhole, onListEnd },
        mailchimp,
        connection.signal,
      )
      let isBroken = false
      for await (const delivery of scan.deliveries()) {
        const duplicate = receive(replica, delivery, mailchimp, streams)
        if (duplicate !== undefined) duplicates.set(delivery.listId, duplicate)
        rows += countRows(delivery.ranges)
        if (crash > 0 && random.chance(0.7)) places = scan.places()
        isBroken = crashes > 0 && random.chance(crash)
        if (isBroken) break
        if (consumerS > 0) await time.sleepUntil(time.now() + random.between(0, consumerS))
      }
      if (!isBroken) return scan.nextPlaces()
      crashes -= 1
      connection.abort(new Error("Crashed"))
      places = roundTrip(horizon, places)
      await time.sleepUntil(time.now() + random.pick([0, 5, 200]))
    }
  }

  function roundTrip(horizon: number, lists: readonly ListPlace[]): readonly ListPlace[] {
    const content = toCursorContent({
      kind: "checkpoint",
      selection: "",
      isIncremental: false,
      horizon,
      lists,
    })
    return parseCursorContent(JSON.parse(JSON.stringify(content))).lists
  }

  function judge(promised: Omit<Promised, "asOf">) {
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
      judgeList(replica, list, { ...promised, asOf: result.asOf })
    }
    const fewest = mailchimp.lists.length + rows / (settings.pageSize - 1)
    // Where answers are cut short, or count too high, all is read once more, and much is asked for again.
    const isMild = settings.short === 0 && isUsual
    if (mailchimp.answers() > (isMild ? 100 : 200) * streams + 20 * fewest) {
      throw new Broken(`Too many questions: ${mailchimp.answers()}, where ${Math.ceil(fewest)} could do`)
    }
  }
}
