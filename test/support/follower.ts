import type { EventLine, EventLineOf } from "../../src/exports/event-lines.ts"
import { readLines } from "./event-lines.ts"
import { until } from "./until.ts"

/** Reads a response that follows, and keeps what it received. */
export function startFollower(url: string, headers: Readonly<Record<string, string>>) {
  const leaving = new AbortController()
  /** The last row of each member, by list and id. A member that is gone is not in it. */
  const members = new Map<string, string>()
  const rows: string[] = []
  const events: EventLine[] = []
  let status = 0
  const ended = run().catch((error: unknown) => (leaving.signal.aborted ? undefined : error))

  async function run() {
    const response = await fetch(url, { headers, signal: leaving.signal })
    ;({ status } = response)
    for await (const line of readLines(response)) {
      if ("row" in line) {
        const { list_id, id } = JSON.parse(line.row)
        members.set(`${list_id} ${id}`, line.row)
        rows.push(line.row)
      } else {
        events.push(line.event)
        const { event } = line
        if (event.$export !== "deleted") continue
        if (event.id !== undefined) members.delete(`${event.list_id} ${event.id}`)
        else for (const key of members.keys()) if (key.startsWith(event.list_id)) members.delete(key)
      }
    }
  }

  const of = <Kind extends EventLine["$export"]>(kind: Kind) =>
    events.filter((event): event is EventLineOf<Kind> => event.$export === kind)

  return {
    members,
    rows,
    events,
    of,
    status: () => status,
    /** The cursor of the last `caught_up` line. */
    cursor: () => of("caught_up").at(-1)?.cursor ?? "",
    /** Resolves when this number of `caught_up` lines has arrived. */
    caughtUp: (times = 1) =>
      until("the line caught_up", () => of("caught_up").length >= times, { everyMs: 10 }),
    /** Resolves when the response has ended, to the error that broke it. */
    ended,
    leave: async () => {
      leaving.abort()
      await ended
    },
  }
}

export type Follower = ReturnType<typeof startFollower>
