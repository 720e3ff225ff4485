import { AppError } from "../../../src/errors.ts"
import { watermarkAt } from "../../../src/scan/watermark.ts"
import type { Cursor } from "../../../src/exports/cursor/cursor.ts"
import { decodeCursor, encodeCursor } from "../../../src/exports/cursor/version-2.ts"
import { type ScannedPage, countRows } from "../../../src/scan/deduplicate.ts"
import { coarsen } from "../../../src/exports/cursor/fit-cursor.ts"
import type { ListResult } from "../../../src/scan/list-scan.ts"
import type { ListPosition } from "../../../src/scan/position.ts"
import { type Plan, planExport } from "../../../src/exports/plan.ts"
import type { Source } from "../../../src/scan/source.ts"
import { type Verdict, createScan } from "../../../src/scan/scan.ts"
import { startChurn } from "./churn.ts"
import { Broken, type Promised, type Replica, judgeList, receive } from "./judge.ts"
import { type Change, createModelMailchimp } from "./mailchimp.ts"
import { createRandom } from "./random.ts"
import {
  MARGIN_S,
  type Topic,
  isSelected,
  randomLists,
  randomSelection,
  randomSettings,
  randomStatuses,
} from "./schedule.ts"
import { createVirtualTime } from "./virtual-time.ts"

/** The most lists that may end short: a short list keeps the promise, but is of no use. Ten of a few may be chance. */
export function mostShort(schedules: number): number {
  return Math.max(10, 0.003 * schedules)
}

/**
 * Exports lists of a model of Mailchimp, all derived from the seed, with crashes and then incremental exports, and checks
 * the promise exactly.
 *
 * @returns how many lists ended short although Mailchimp returned what it counted
 */
export async function runSchedule(seed: number, topics: readonly Topic[] = []): Promise<number> {
  const random = createRandom(seed)
  const start = 1_700_000_000 + random.next()
  const time = createVirtualTime(start)
  // Generators of their own, so that statistics and other processes do not change the rest of a schedule.
  const generators = { statisticsRandom: createRandom(-seed), sharingRandom: createRandom(seed + 0.25) }
  const settings = randomSettings(random, generators, topics)
  const statuses = randomStatuses(createRandom(seed + 0.5), topics)
  const mailchimp = createModelMailchimp(randomLists(random, start, statuses, topics), settings, random, time)
  const hasOddIds = mailchimp.lists.some(({ members }) => members.some(({ shownId }) => shownId))
  const hasSharedIds = mailchimp.lists.some(({ members }) =>
    members.some(({ shownId }) => shownId === "shared"),
  )
  // Their seconds come while they are exported, so they look as if they had changed meanwhile.
  const hasSecondsToCome = mailchimp.lists.some(({ members }) =>
    members.some(({ changes }) => {
      const second = changes[0]?.second ?? 0
      return second > start && second < start + 1000
    }),
  )
  const isUsual =
    settings.oddity === "none" &&
    settings.before === "inclusive" &&
    settings.since === "exclusive" &&
    settings.clocks.areRight
  const isQuiet = startChurn(mailchimp, random, time, statuses, topics)
  const consumerS = random.pick([0, 0, 0, 0.1, 3])
  const crash = random.pick([0, 0, 0.05, 0.2])
  const selection = randomSelection(random, start, settings, statuses, topics)
  // If the caller set an upper bound, no incremental export can follow.
  const incrementals = selection.before === undefined ? random.pick([0, 0, 1, 3]) : 0

  const replica: Replica = new Map()
  const duplicates = new Map<string, string>()
  const listIds = () =>
    mailchimp.lists.map(({ id }) => id).filter((id) => mailchimp.faultOf(id) !== "list_not_found")
  let streams = 0
  let rows = 0
  /** Rows that were read until the last judgment, and what was known of them then. */
  let judged = { read: 0, rows: 0, statusesRead: 0 }
  let short = 0
  let results: ListResult[] = []
  let limit = Infinity
  const wasShort = new Set<string>()
  const asOfBefore = new Map<string, number>()

  const failed = new Set<string>()
  const deleted = new Set<string>()

  await time.run(exportAndContinue())
  return short

  async function exportAndContinue() {
    startFaults()
    let end = await exportAll()
    if (!end) return
    const { horizon } = end
    judge({ isOfUnchanged: selection.before !== undefined })
    for (let left = incrementals; left > 0; left -= 1) {
      await time.sleepUntil(time.now() + random.pick([0, 1, 20, 100]))
      for (const list of mailchimp.lists)
        if (mailchimp.faultOf(list.id) !== "list_not_found" && random.chance(0.7)) mailchimp.heal(list)
      end = await exportAll(end)
      if (!end) return
      judge({ changedSince: Math.max(horizon, selection.since ?? horizon) })
    }
  }

  /** Occasionally makes a single list fail from some moment on. */
  function startFaults() {
    if (random.chance(0.9) && !topics.includes("failures")) return
    const list = random.pick(mailchimp.lists)
    const fault = random.pick(["list_not_found", "mailchimp_forbidden", "mailchimp_error"] as const)
    time.at(time.now() + random.pick([0, 0, 1, 10]), () => {
      mailchimp.fail(list, fault)
      return false
    })
  }

  async function judgeError(listId: string, error: unknown): Promise<Verdict> {
    await time.sleepUntil(time.now() + random.between(0.1, 1))
    const fault = mailchimp.faultOf(listId)
    if (fault === "list_not_found") return "list_deleted"
    if (fault) return "list_failed"
    // A refusal may concern the list or the whole export.
    return error instanceof AppError && random.chance(0.5) ? "list_failed" : "export_failed"
  }

  /** Returns undefined if the export failed in every list. */
  async function exportAll(from?: Cursor): Promise<Cursor | undefined> {
    let cursor = from
    let crashes = 3
    results = []
    failed.clear()
    for (;;) {
      streams += 1
      duplicates.clear()
      mailchimp.readLists()
      const closed = watermarkAt(mailchimp.now().earliest, MARGIN_S)
      const plan = planExport(listIds(), selection, closed, cursor && roundTrip(cursor))
      const { isIncremental, horizon } = plan
      const cursorOf = (kind: Cursor["kind"], lists: readonly ListPosition[]): Cursor => ({
        kind,
        selection: "",
        isIncremental,
        horizon,
        lists,
      })
      const connection = new AbortController()
      const onListEnd = (result: ListResult) => void results.push(result)
      const options = { ...plan, marginS: MARGIN_S, onListEnd, judgeError }
      let isConsuming = false
      const isUnread = cursor ? () => false : toIsUnread()
      const onSpare: Source["onSpare"] = (listener) =>
        mailchimp.onSpare(() => {
          const before = mailchimp.requested.length
          const canBegin = mailchimp.spare() > 0 && isUnread()
          listener()
          const started = mailchimp.requested.length - before
          if (isConsuming && started > 0) time.fail(new Broken("A request while a page is consumed"))
          if (!isConsuming && canBegin && started === 0) time.fail(new Broken("A spare request is not used"))
        })
      const scan = createScan(options, { ...mailchimp, onSpare }, connection.signal)
      let isBroken = false
      let hasFailed = false
      try {
        for await (const item of scan.pages()) {
          isConsuming = true
          if ("notice" in item) {
            if (item.notice === "list_deleted") deleted.add(item.listId)
            else failed.add(item.listId)
          } else take(item, plan)
          if (crash + settings.refusal > 0 && random.chance(0.7))
            cursor = cursorOf("checkpoint", scan.positions())
          isBroken = crashes > 0 && random.chance(crash)
          if (isBroken) break
          if (consumerS > 0) await time.sleepUntil(time.now() + random.between(0, consumerS))
          isConsuming = false
        }
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        isBroken = true
        hasFailed = true
      }
      if (hasFailed && mailchimp.lists.some(({ id }) => mailchimp.faultOf(id))) return undefined
      limit = scan.limit()
      if (!isBroken) return cursorOf("end", scan.nextPositions())
      failed.clear()
      crashes -= 1
      connection.abort(new Error("Crashed"))
      // Without a checkpoint the export starts from the beginning.
      if (!cursor) replica.clear()
      await time.sleepUntil(time.now() + random.pick([0, 5, 200]))
    }
  }

  /** Returns whether nothing of some list was requested since now. */
  function toIsUnread(): () => boolean {
    const from = mailchimp.requested.length
    return () => {
      const requested = new Set(mailchimp.requested.slice(from))
      return listIds().some((id) => !requested.has(id))
    }
  }

  /** If only the count is wrong, a pass in each direction proves it, and no row is delivered twice. */
  function mustBeProved(): boolean {
    const isStable = settings.ties === "stable" || settings.ties === "reversed"
    const isWhole = settings.short === 0 && settings.refusal === 0 && crash === 0 && isStable
    return (
      settings.oddity === "count_too_high" &&
      !hasSecondsToCome &&
      isQuiet &&
      isWhole &&
      settings.clocks.areRight &&
      !hasOddIds
    )
  }

  function take(scanned: ScannedPage, { isIncremental }: Plan) {
    // If Mailchimp's `since` is not exclusive, neither is the caller's.
    const isRequested = (change: Change) =>
      isIncremental || settings.since !== "exclusive" || isSelected(selection, change)
    const isPutBack = settings.clocks.mailchimp(time.now()) < 0
    const duplicate = receive(replica, scanned, mailchimp, { stream: streams, isPutBack, isRequested })
    if (duplicate !== undefined) duplicates.set(scanned.listId, duplicate)
    rows += countRows(scanned.ranges)
  }

  function roundTrip(cursor: Cursor): Cursor {
    // Some schedules have cursors as coarse as those of very many lists.
    const stepS = [1, 1, 8, 64][seed % 4] ?? 1
    return decodeCursor(encodeCursor(coarsen(cursor, { stepS, keepsTotals: stepS < 64 })))
  }

  function judge(promised: Pick<Promised, "changedSince" | "isOfUnchanged">) {
    for (const list of mailchimp.lists) {
      if (deleted.has(list.id) || failed.has(list.id)) continue
      if (mailchimp.faultOf(list.id) === "list_not_found" && !listIds().includes(list.id)) continue
      const result = results.findLast(({ listId }) => listId === list.id)
      if (!result) throw new Broken(`No result for ${list.id}`)
      if (result.asOf > time.now() && Number.isFinite(result.asOf))
        throw new Broken(`As of a future second: ${result.asOf - time.now()}`)
      if (result.isShort) {
        if (mustBeProved()) throw new Broken(`A wrong count is not proved to be one: ${list.id}`)
        // If a tied second has no fixed order, it cannot be proved that all rows without a key were read.
        const isProvable = !hasOddIds || settings.ties === "stable" || settings.ties === "reversed"
        short += settings.short === 0 && isUsual && isProvable ? 1 : 0
        wasShort.add(list.id)
        continue
      }
      // The export after a short one has a date filter, which hides members without a date.
      if (settings.oddity.startsWith("undated") && wasShort.has(list.id)) continue
      // Rows without a key may make up for a hidden row, in a count that nothing else can check, if rows change meanwhile, or
      // if a row has a key in one page and none in another.
      if (settings.oddity !== "none" && hasOddIds && (hasSharedIds || !isQuiet)) continue
      // If Mailchimp's clock was put back before the export was resumed, nothing shows it.
      if (streams > 1 && settings.clocks.mailchimp(time.now()) < 0) continue
      // Only the count can reveal hidden rows, and only for a list that does not change and was read without a resume.
      if (settings.oddity === "hidden" && (!isQuiet || streams > 1)) continue
      if (duplicates.has(list.id) && isUsual && !result.isReadAgain)
        throw new Broken(`A duplicate without a cause: ${duplicates.get(list.id)}`)
      if (mustBeProved() && (duplicates.has(list.id) || result.countDiffers === 0))
        throw new Broken(`A wrong count causes duplicates: ${list.id}`)
      // An incremental export may be of an earlier second than the one before, if a response took long.
      const asOf = Math.max(Math.min(result.asOf, limit), asOfBefore.get(list.id) ?? Number.NEGATIVE_INFINITY)
      asOfBefore.set(list.id, asOf)
      judgeList(
        replica,
        list,
        {
          ...promised,
          asOf,
          datedUntil: mailchimp.datedUntil(),
          isSelected: (change) => isSelected(selection, change),
        },
        settings,
      )
    }
    // If several statuses are selected, rows of others are read as well, and dropped. Not every export looks at statuses.
    const statusesRead = mailchimp.statusesRead()
    const read = judged.read + Math.max(rows - judged.rows, statusesRead - judged.statusesRead)
    judged = { read, rows, statusesRead }
    // A truncated response shows half of a page on average, or nothing.
    const shown = 1 - settings.short * (settings.isShortEmpty ? 1 : 0.5)
    const fewest = mailchimp.lists.length + read / (settings.pageSize - 1) / shown
    // If responses are truncated or counts are too high, everything is read again, and many requests are repeated.
    const isMild = settings.short === 0 && isUsual && !hasOddIds
    if (mailchimp.responses() > (isMild ? 100 : 200) * streams + 20 * fewest) {
      throw new Broken(
        `Too many requests: ${mailchimp.responses()}, although ${Math.ceil(fewest)} could suffice`,
      )
    }
  }
}
