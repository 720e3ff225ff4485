import type { Selection } from "../../../src/exports/selection.ts"
import {
  type Change,
  type Clocks,
  type List,
  type Member,
  type Settings,
  type Status,
  UNDATED,
} from "./mailchimp.ts"
import type { Random } from "./random.ts"

export const MARGIN_S = 10

/**
 * What a schedule is about: a behavior that is rare in other schedules is the rule in this one, so that a rule of the scan
 * that depends on it is soon missed.
 */
const topics = [
  "ahead",
  "archived",
  "churn",
  "clocks",
  "counts",
  "dateless",
  "dates",
  "empty",
  "failures",
  "filters",
  "ids",
  "sharing",
  "ties",
  "undated",
] as const
export type Topic = (typeof topics)[number]

export function isTopic(name: string): name is Topic {
  return topics.some((topic) => topic === name)
}

export type ModelSelection = Pick<Selection, "statuses" | "since" | "before" | "includeArchived">

/** The statuses of live members, and those that an export selects if it selects several. */
export type Statuses = { readonly live: readonly Status[]; readonly several?: readonly Status[] | undefined }

/** In a seventh of the schedules without a topic several statuses are selected, of members who also have another one. */
export function randomStatuses(random: Random, about: readonly Topic[] = []): Statuses {
  if (about.length > 0 || random.chance(6 / 7)) return { live: ["subscribed", "subscribed", "unsubscribed"] }
  const several = random.pick<readonly Status[]>([
    ["subscribed", "cleaned"],
    ["cleaned", "unsubscribed"],
    ["subscribed", "unsubscribed", "archived"],
    ["cleaned", "archived"],
  ])
  return { live: ["subscribed", "cleaned", "unsubscribed"], several }
}

export function randomSettings(
  random: Random,
  { statisticsRandom, sharingRandom }: { readonly statisticsRandom: Random; readonly sharingRandom: Random },
  about: readonly Topic[] = [],
): Settings {
  const isAbout = (topic: Topic) => about.includes(topic)
  const undated = ["undated_first", "undated_last"] as const
  const oddities = isAbout("undated") ? undated : (["count_too_high", ...undated, "hidden"] as const)
  const isUsual = random.chance(0.9) && !isAbout("counts") && !isAbout("undated")
  const oddity = isUsual ? "none" : random.pick<Settings["oddity"]>(oddities)
  const permits = random.pick([1, 2, 4, 10])
  const pageSize = random.int(5, 20)
  return {
    permits,
    sharing: sharingRandom.chance(isAbout("sharing") ? 1 : 0.1) ? { random: sharingRandom } : undefined,
    pageSize,
    statistics: randomStatistics(statisticsRandom, pageSize),
    servers: random.pick([[0], [0], [0, 1], [0, -1]]),
    lateness: random.pick(isAbout("dateless") ? [7] : [0, 0, 2, 7]),
    ties: random.pick(
      isAbout("ties") ? ["moving", "shuffled"] : ["stable", "stable", "reversed", "moving", "shuffled"],
    ),
    latency: random.pick([0.03, 0.3, 1, 3]),
    slow: random.pick(isAbout("churn") ? [0.2] : [0, 0, 0.02, 0.2]),
    short: random.pick(isAbout("empty") ? [0.3] : [0, 0, 0, 0.05, 0.3, 0.9]),
    isShortEmpty: isAbout("empty"),
    failure: random.pick([0, 0, 0.05, 0.2]),
    refusal: random.pick([0, 0, 0, 0.02]),
    isTorn: random.chance(0.7) || isAbout("churn"),
    // Changes at most one rule at a time.
    before:
      oddity !== "none" || (random.chance(0.9) && !isAbout("filters"))
        ? "inclusive"
        : random.pick(["exclusive", "ignored"]),
    since:
      oddity !== "none" || (random.chance(0.93) && !isAbout("filters"))
        ? "exclusive"
        : random.pick(["inclusive", "ignored"]),
    oddity,
    hasPagesOfAllSizes: random.chance(0.2),
    hasFewFields: random.chance(0.1),
    clocks: isAbout("dateless") ? dateless(8) : randomClocks(random, isAbout("clocks")),
    marginS: MARGIN_S,
  }
}

/** Often there are none, or they are right. Otherwise they are slightly wrong or absurd, and so may the page size be. */
function randomStatistics(random: Random, pageSize: number): Settings["statistics"] {
  const kind = random.pick(["none", "right", "near", "wrong", "absurd"] as const)
  const pageRows = random.chance(0.8) ? pageSize : random.int(1, 30)
  return (rows) => {
    if (kind === "none") return undefined
    if (kind === "right") return { rows, pageRows }
    if (kind === "near") return { rows: Math.round(rows * random.between(0.8, 1.3)), pageRows }
    if (kind === "wrong") return { rows: random.int(0, 400), pageRows }
    return { rows: random.pick([0, 1, 1e5, 1e8, Number.MAX_SAFE_INTEGER]), pageRows }
  }
}

const right: Clocks = { own: () => 0, date: () => 0, mailchimp: () => 0, areRight: true }

/** Mostly both clocks are right. Otherwise one is wrong from the start or from some moment on, or `Date` is missing. */
function randomClocks(random: Random, isAboutClocks: boolean): Clocks {
  if (random.chance(0.8) && !isAboutClocks) return right
  const byS = random.pick([-600, -30, 30, 600])
  const from = random.chance(0.5) ? -Infinity : 1_700_000_000 + random.between(0, 60)
  const isWrong = (now: number) => (now >= from ? byS : 0)
  const wrong = random.int(1, 12)
  const slightlyS = random.int(-8, 8)
  return random.pick<Clocks>([
    { ...right, areRight: false, own: isWrong },
    { ...right, areRight: false, date: isWrong },
    // One response in twelve comes from a server whose clock is ahead.
    {
      ...right,
      areRight: false,
      date: (_now, response) => (response % 12 === wrong % 12 ? Math.abs(byS) : 0),
    },
    dateless(slightlyS),
    { ...right, mailchimp: isWrong, areRight: false },
  ])
}

/** Without `Date` everything depends on our own clock, which must be right within a margin. */
function dateless(wrongByS: number): Clocks {
  return { ...right, own: () => wrongByS, date: () => undefined, areRight: false }
}

/** The selection of an export: all members, members of one status, or members of a range of dates. */
export function randomSelection(
  random: Random,
  start: number,
  { oddity }: Settings,
  { several }: Statuses,
  about: readonly Topic[] = [],
): ModelSelection {
  const status =
    random.chance(0.8) && !about.includes("archived")
      ? undefined
      : random.pick(["subscribed", "unsubscribed", "archived"])
  const isAnyDate = random.chance(0.9) && !about.includes("dates")
  const since = isAnyDate ? undefined : Math.floor(start) - 30 - random.int(0, 1000)
  const before = random.chance(0.9) ? undefined : (since ?? Math.floor(start) - 1000) + random.int(1, 1100)
  return {
    statuses: several ?? (status === undefined ? undefined : [status]),
    includeArchived: random.chance(0.4) && status !== "archived",
    // A member without a date is in no range of dates.
    ...(oddity === "none" ? { since, before } : {}),
  }
}

/** Whether a whole export includes a member after this change. */
export function isSelected(
  { statuses, since, before, includeArchived }: ModelSelection,
  change: Change,
): boolean {
  if (change.second <= (since ?? -Infinity) || change.second > (before ?? Infinity)) return false
  if (change.status === "deleted") return false
  if (change.status === "archived") return includeArchived === true || statuses?.includes("archived") === true
  return statuses === undefined || statuses.includes(change.status)
}

/** Lists with a history: seconds shared by many members or by none, some of them still open when the export begins. */
export function randomLists(
  random: Random,
  start: number,
  { live }: Statuses,
  about: readonly Topic[] = [],
): List[] {
  return Array.from({ length: random.pick([1, 1, 1, 2, 4]) }, (_, number) => {
    const id = `list${number}`
    const spread = random.pick([1, 10, 1000, 1000])
    const tied = random.chance(0.2) || about.includes("ties") ? random.int(0, 200) : 0
    const undated = about.includes("undated") ? 0.5 : 0.02
    const members: Member[] = []
    const hasOddIds = random.chance(0.1) || about.includes("ids")
    const addAt = (second: number, status: Status) => {
      // An incremental export, which has a date filter, cannot see a member without a date.
      const content = second < start - 20 && random.chance(undated) ? UNDATED : 0
      const change: Change = {
        order: 0,
        second,
        visibleAt: 0,
        status,
        content,
      }
      const shownId =
        hasOddIds && random.chance(0.4) ? random.pick(["none", "none", "shared"] as const) : undefined
      members.push({ id: `${id}-${members.length}`, changes: [change], ...(shownId ? { shownId } : {}) })
    }
    const archived = about.includes("archived") ? 0.95 : 0.15
    const statusOf = () => (random.chance(archived) ? "archived" : random.pick(live))
    for (let left = random.pick([0, 3, 20, 60, 120]); left > 0; left -= 1) {
      addAt(Math.floor(start) - 30 - random.int(0, spread), statusOf())
    }
    for (let left = tied; left > 0; left -= 1)
      addAt(Math.floor(start) - 30 - Math.floor(spread / 2), statusOf())
    for (let left = random.pick([0, 0, 2, 10]); left > 0; left -= 1) {
      addAt(Math.floor(start) - 1 - random.int(0, 12), statusOf())
    }
    // Members dated ahead by a server whose clock is wrong, or by an import.
    const ahead = random.chance(0.04) || about.includes("ahead") ? random.int(1, 60) : 0
    const aheadS = random.pick([100_000, 100_000, 70, 150])
    for (let left = ahead; left > 0; left -= 1)
      addAt(Math.floor(start) + aheadS + random.int(0, 3), statusOf())
    return { id, members }
  })
}
