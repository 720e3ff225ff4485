import type { Failure, ListFailures } from "./list-failures.ts"
import type { ListScan } from "./list-scan.ts"
import { type PageRequest, requestPage } from "./reading.ts"
import type { Page, Source } from "./source.ts"
import type { Probe, SplitPoints } from "./split-points.ts"
import type { Task, WindowTask } from "./task.ts"

/** The response to a request of a reading. */
export type PageArrival = {
  readonly list: ListScan
  readonly task: Task
  readonly request: PageRequest
  readonly page: Page
}

/** The response to a probe; without a page if the request failed. */
export type ProbeArrival = { readonly probe: Probe<WindowTask>; readonly page: Page | undefined }

export type Arrival = PageArrival | ProbeArrival | Failure

type RequestsOptions = {
  readonly source: Source
  readonly splitPoints: SplitPoints<WindowTask>
  readonly send: ListFailures["send"]
  /** Takes a response when it arrives. */
  readonly expect: (arrival: Promise<Arrival>) => void
}

/** Sends the requests of readings, and probes. */
export type Requests = {
  /** Sends the next request of a reading. Returns false if none is due. */
  next(list: ListScan, task: Task): boolean
  /** Sends probes. Returns false if there are none. */
  probe(probes: readonly Probe<WindowTask>[]): boolean
  /** The list of a reading, once a request for it was sent. */
  listOf(task: Task): ListScan | undefined
}

export function createRequests({ source, splitPoints, send, expect }: RequestsOptions): Requests {
  const listOf = new WeakMap<Task, ListScan>()

  return {
    next: (list, task) => {
      const request = task.reading.nextRequest()
      if (!request) return false
      listOf.set(task, list)
      if (!list.hasResponded()) splitPoints.begin(task, request.query, source.expected?.(request.query))
      const read = (signal: AbortSignal) =>
        requestPage(request, source, signal).then((page) => ({ list, task, request, page }))
      expect(send(list, read))
      return true
    },
    probe: (probes) => {
      for (const probe of probes) {
        const list = listOf.get(probe.task)
        const read = async (signal: AbortSignal) => ({
          probe,
          page: await splitPoints.read(probe, source, signal),
        })
        if (list) expect(send(list, read))
      }
      return probes.length > 0
    },
    listOf: (task) => listOf.get(task),
  }
}
