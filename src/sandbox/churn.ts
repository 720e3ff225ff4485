import { z } from "zod"
import type { Changes } from "./changes.ts"
import type { MemberTable } from "./members/member-table.ts"
import { indexOf, type Population } from "./members/sort-orders.ts"
import { createRandom } from "./random.ts"
import type { List } from "./account.ts"

const count = z.number().int().min(0).default(0)

/** How much of a list changes with every page that is read from it. */
export const churnSchema = z.object({
  edits: count,
  deletions: count,
  additions: count,
  archives: count,
  unarchives: count,
  emailChanges: count,
  silentEdits: count,
  unsubscribes: count,
})

type ChurnPlan = z.input<typeof churnSchema>

/** The changes made, by kind. */
type ChurnCounts = z.output<typeof churnSchema>

export type Churn = {
  /** Changes a list by this plan after each of its pages of members, from now on. */
  start(options: { everyPage: ChurnPlan; seed?: number; listId?: string }): void
  stop(): void
  /** Changes a list once, without a page. */
  once(listId: string, plan: ChurnPlan): void
  /** Called for every page served. */
  pageServed(listId: string): void
  readonly running: boolean
  readonly made: ChurnCounts
}

const noPlan = churnSchema.parse({})

/**
 * Changes lists while they are read, through the same changes that a test can make; the same seed repeats the
 * choices.
 */
export function createChurn(changes: Changes, findList: (listId: string) => List, seed: number): Churn {
  let random = createRandom(seed)
  let running: { plan: ChurnCounts; listId: string | undefined } | undefined
  const made = { ...noPlan }

  const pick = (table: MemberTable, population: Population): string | undefined => {
    const order = table.order("none", population)
    // If changes become visible late, a member that is still shown may already be deleted.
    for (let attempt = 0; attempt < 20 && order.size > 0; attempt++) {
      const rank = random.integer(order.size)
      const index = indexOf(order.slice(rank, rank + 1)[0] ?? 0)
      const version = table.latest(index)
      if (!version || version.status === "gone") continue
      if ((version.status === "archived") === (population === "archived")) return table.key(index)
    }
    return undefined
  }

  const apply = (listId: string, plan: ChurnCounts) => {
    const { table } = findList(listId)
    const each = (kind: keyof ChurnCounts, change: () => unknown) => {
      for (let done = 0; done < plan[kind]; done++) if (change() !== undefined) made[kind]++
    }
    const ofPopulation = (population: Population, change: (id: string) => unknown) => () => {
      const id = pick(table, population)
      if (id === undefined) return undefined
      change(id)
      return id
    }
    each(
      "edits",
      ofPopulation("live", (id) => changes.editMember(listId, id)),
    )
    each(
      "archives",
      ofPopulation("live", (id) => changes.archiveMember(listId, id)),
    )
    each(
      "unarchives",
      ofPopulation("archived", (id) => changes.unarchiveMember(listId, id)),
    )
    each(
      "deletions",
      ofPopulation("live", (id) => changes.deleteMember(listId, id)),
    )
    each(
      "emailChanges",
      ofPopulation("live", (id) => changes.changeEmail(listId, id)),
    )
    each(
      "silentEdits",
      ofPopulation("live", (id) => changes.editSilently(listId, id)),
    )
    each(
      "unsubscribes",
      ofPopulation("live", (id) => changes.editMember(listId, id, { status: "unsubscribed" })),
    )
    each("additions", () => changes.addMember(listId))
  }

  return {
    start(options) {
      random = createRandom(options.seed ?? seed)
      running = { plan: churnSchema.parse(options.everyPage), listId: options.listId }
    },
    stop() {
      running = undefined
    },
    once: (listId, plan) => apply(listId, churnSchema.parse(plan)),
    pageServed(listId) {
      if (!running || (running.listId !== undefined && running.listId !== listId)) return
      apply(listId, running.plan)
    },
    get running() {
      return running !== undefined
    },
    made,
  }
}
