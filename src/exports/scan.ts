import { createArrivals } from "../lib/arrivals.ts"
import { cutAt, longest, probesFor } from "./cutting.ts"
import type { Delivery } from "./delivery.ts"
import { type ListPlace, type ListResult, type ListScan, type Task, createListScan } from "./list-scan.ts"
import { ask } from "./reading.ts"
import type { Page, Second, Source } from "./source.ts"

export type ScanOptions = {
  /** What is to be read of each list: all of it, or what another export left. */
  readonly lists: readonly ListPlace[]
  /** The last second of the body: the last closed one when the export began. */
  readonly horizon: Second
  /** Mailchimp's own filter for live members. */
  readonly status?: string | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  readonly onListEnd?: (result: ListResult) => void
}

export type Scan = {
  /** The pages of all lists. The next ones are asked for while one is used, as many as could start right now. */
  deliveries(): AsyncGenerator<Delivery>
  /** What is left to read once all deliveries that were taken are written. */
  places(): ListPlace[]
  /** What the next export has to read, once all deliveries were taken. */
  nextPlaces(): ListPlace[]
}

type Answer = { readonly list: ListScan; readonly task: Task; readonly page: Page; readonly isProbe: boolean }

/**
 * Reads the members of lists while they change, exactly and side by side. What it promises: every member that exists from
 * the start to its list's `asOf` is delivered at least once, in the version of `asOf` or a later one at last, and no older
 * version after a newer one.
 *
 * Requests that could start and would not are used: first to begin another list, then to cut what is left of the longest
 * reading at its quantiles. Nothing is begun while a page waits for the consumer, so memory stays at two pages a request.
 */
export function createScan(options: ScanOptions, source: Source, signal: AbortSignal): Scan {
  const { horizon, status, marginS, onListEnd } = options
  const lists = options.lists.map((place) => createListScan(place, { horizon, status, marginS }))
  const unbegun = lists.filter((list) => !list.isDone())
  const answers = createArrivals<Answer>()
  /** How many probes of a reading are under way. */
  const probes = new Map<Task, number>()
  /** What was probed in vain: all of its rows may be of one second. */
  const uncuttable = new WeakSet<Task>()

  return {
    deliveries,
    places: () => lists.map((list) => list.place()),
    nextPlaces: () => lists.map((list) => list.nextPlace()),
  }

  async function* deliveries(): AsyncGenerator<Delivery> {
    for (const list of lists) if (list.isDone()) onListEnd?.(list.result())
    fill()
    while (answers.pending() > 0) {
      const { list, task, page, isProbe } = await answers.take()
      if (isProbe) {
        receiveProbe(list, task, page)
        fill()
        continue
      }
      const { ranges, next } = list.receive(task, page)
      for (const task of next) expect(list, task)
      fill()
      if (list.isDone()) onListEnd?.(list.result())
      yield { listId: list.id, page, ranges }
    }
  }

  function expect(list: ListScan, task: Task): void {
    const question = task.reading.question()
    if (question)
      answers.expect(ask(question, source, signal).then((page) => ({ list, task, page, isProbe: false })))
  }

  function fill(): void {
    while (answers.waiting() === 0) {
      if (answers.pending() > 0 && source.spare() < 1) return
      const list = unbegun.shift()
      if (list) for (const task of list.begin()) expect(list, task)
      else if (!cutLongest()) return
    }
  }

  function cutLongest(): boolean {
    const listByTask = new Map(lists.flatMap((list) => list.cuttable().map((task) => [task, list])))
    const task = longest([...listByTask.keys()].filter((task) => !probes.has(task) && !uncuttable.has(task)))
    const list = task && listByTask.get(task)
    if (!list) return false
    const queries = probesFor(task, source.spare())
    if (queries.length === 0) return false
    probes.set(task, queries.length)
    uncuttable.add(task)
    for (const query of queries) {
      answers.expect(source.read(query, signal).then((page) => ({ list, task, page, isProbe: true })))
    }
    return true
  }

  function receiveProbe(list: ListScan, task: Task, page: Page): void {
    const left = (probes.get(task) ?? 0) - 1
    if (left > 0) probes.set(task, left)
    else probes.delete(task)
    const second = cutAt(page)
    const begun = second === undefined ? [] : list.cut(task.sweep, second)
    if (begun.length > 0) uncuttable.delete(task)
    for (const child of begun) expect(list, child)
  }
}
