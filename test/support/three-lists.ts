import { expect } from "bun:test"
import type { Sandbox } from "../../src/sandbox/sandbox.ts"
import type { ReceivedExport } from "./received-export.ts"
import {
  differenceOf,
  listIdOf,
  noDifference,
  type SandboxAndService,
  startSandboxAndService,
} from "./sandbox-and-service.ts"

export type Action = Parameters<Sandbox["faults"]["add"]>[0]["action"]

export const notFound: Action = { kind: "problem", problem: "resource_not_found" }
export const forbidden: Action = { kind: "problem", problem: "forbidden" }
export const serverError: Action = { kind: "problem", problem: "internal_server_error" }

/** Three lists of three pages each. A list's fault is retried for two seconds, a request takes 300 ms at most. */
export function startThreeLists() {
  return startSandboxAndService({
    lists: ["First", "Second", "Third"].map((name) => ({ name, count: 300 })),
    env: { MAILCHIMP_RETRY_S: "2", MAILCHIMP_TIMEOUT_MS: "300" },
  })
}

/** Makes the members of a list permanently unreadable after some successful pages. */
export function breakList(
  { sandbox }: SandboxAndService,
  listId: string | undefined,
  action: Action,
  skip = 0,
) {
  if (listId === undefined) throw new Error("no list")
  return sandbox.faults.add({ match: { listId, path: /members$/ }, action, skip, times: Infinity })
}

export function rowsOf({ rows }: ReceivedExport, listId: string | undefined): string[] {
  return rows.filter((row) => listIdOf(row) === listId)
}

/** Checks that every row of all lists except one is there. */
export function expectOthersWhole(
  pair: SandboxAndService,
  received: ReceivedExport,
  ...listIds: (string | undefined)[]
) {
  const others = pair.listIds.filter((id) => !listIds.includes(id))
  const expected = others.flatMap((id) => pair.liveRows(id))
  const rows = received.rows.filter((row) => others.includes(listIdOf(row)))
  expect(differenceOf(rows, expected)).toEqual(noDifference)
  for (const list of received.ofKind("end")[0]?.lists ?? [])
    if (others.includes(list.id)) expect(list.code).toBeUndefined()
}

export function endOf(received: ReceivedExport) {
  const [end] = received.ofKind("end")
  if (!end) throw new Error(`no end line: ${received.problem} ${JSON.stringify(received.events.at(-1))}`)
  return end
}
