import { AppError } from "../errors.ts"
import { createArrivals } from "../lib/arrivals.ts"
import { type Probe, createCutter } from "./cutter.ts"
import type { Delivery } from "./delivery.ts"
import { type ListResult, type ListScan, type Task, type WindowTask, createListScan } from "./list-scan.ts"
import type { ListPlace } from "./place.ts"
import { type Question, ask } from "./reading.ts"
import type { Page, Second, Source } from "./source.ts"

export type ScanOptions = {
  /** What is to be read of each list: all of it, or what another export left. */
  readonly lists: readonly ListPlace[]
  /** The last second of the body: the last closed one when the export began. */
  readonly horizon: Second
  /** Mailchimp's own filter for live members. */
  readonly status?: string | undefined
  /** The last second that is wanted, where the caller set one. */
  readonly until?: Second | undefined
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Whether all members are wanted, whatever their dates. */
  readonly isWhole?: boolean | undefined
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

type Answer =
  | { readonly list: ListScan; readonly task: Task; readonly question: Question; readonly page: Page }
  /** Without a page where it failed. */
  | { readonly probe: Probe<WindowTask>; readonly page: Page | undefined }

/**
 * Reads the members of lists while they change, exactly and side by side. What it promises: every member that exists from
 * the start to its list's `asOf` is delivered at least once, in the version of `asOf` or a later one at last, and no older
 * version after a newer one.
 *
 * Requests that could start and would not are used: first to begin another list, then to cut what is left of the longest
 * reading at its quantiles. Nothing is begun while a page waits for the consumer, so memory stays at two pages a request.
 */
export function createScan(options: ScanOptions, source: Source, signal: AbortSignal): Scan {
  const { lists: places, onListEnd, ...listOptions } = options
  const lists = places.map((place) => createListScan(place, listOptions))
  const unbegun = lists.filter((list) => !list.isDone())
  const answers = createArrivals<Answer>()
  const cutter = createCutter<WindowTask>()
  const listOf = new WeakMap<Task, ListScan>()
  /** The most questions that could be under way at once so far. */
  let mostPending = 0

  return {
    deliveries,
    places: () => lists.map((list) => list.place()),
    nextPlaces: () => lists.map((list) => list.nextPlace()),
  }

  async function* deliveries(): AsyncGenerator<Delivery> {
    for (const list of lists) if (list.isDone()) onListEnd?.(list.result())
    fill()
    while (!lists.every((list) => list.isDone())) {
      if (answers.pending() === 0) throw new Error("Cannot go on with an export as nothing is asked for")
      const answer = await answers.take()
      if ("probe" in answer) {
        cut(answer.probe.task, answer.page?.second(0))
        fill()
        continue
      }
      const { list, task, question, page } = answer
      const { ranges, next } = list.receive(task, page, question)
      for (const task of next) askNext(list, task)
      // The reading with a crowded second falls behind the others. One more than can be asked at once lets it catch up.
      if (answers.pending() <= mostPending) cutBehindCrowded()
      fill()
      if (list.isDone()) onListEnd?.(list.result())
      yield { listId: list.id, page, ranges }
    }
  }

  function askNext(list: ListScan | undefined, task: Task): boolean {
    const question = list && task.reading.nextQuestion()
    if (!question) return false
    listOf.set(task, list)
    answers.expect(ask(question, source, signal).then((page) => ({ list, task, question, page })))
    return true
  }

  function fill(): void {
    while (answers.waiting() === 0) {
      const spare = source.spare()
      if (answers.pending() > 0 && spare < 1) return
      const most = answers.pending() + Math.max(1, spare)
      const list = unbegun.shift()
      if (list) for (const task of list.begin()) askNext(list, task)
      else if (!askMore() && !cutBehindCrowded() && !probe()) return
      // A list that is continued may begin with more, and must not get more again with each break.
      mostPending = Math.max(mostPending, Math.min(most, answers.pending()))
    }
  }

  /** The pages of a second that is read by offset do not wait for each other. */
  function askMore(): boolean {
    return cuttable().some((task) => askNext(listOf.get(task), task))
  }

  /** What lies behind a second that is read by offset needs no question to be found. */
  function cutBehindCrowded(): boolean {
    return cuttable().some((task) => {
      const second = task.reading.crowded()
      return second !== task.reading.until() && cut(task, second)
    })
  }

  function probe(): boolean {
    const probes = cutter.probes(cuttable(), source.spare())
    for (const probe of probes) {
      // All can be read without the cut.
      const page = source.read(probe.query, signal).catch((error: unknown) => {
        if (error instanceof AppError && error.retryable && !signal.aborted) return undefined
        throw error
      })
      answers.expect(page.then((page) => ({ probe, page })))
    }
    return probes.length > 0
  }

  function cuttable(): WindowTask[] {
    return lists.flatMap((list) => list.cuttable())
  }

  function cut(task: WindowTask, second: Second | undefined): boolean {
    const list = listOf.get(task)
    const begun = second === undefined ? [] : (list?.cut(task.sweep, second) ?? [])
    for (const task of begun) askNext(list, task)
    return begun.length > 0
  }
}
