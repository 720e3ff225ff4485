import type { Sandbox } from "../../src/sandbox/sandbox.ts"

/** The members of a list that are not archived, as the lines of an export. */
export function liveRowsOf(sandbox: Pick<Sandbox, "truth">, listId: string): string[] {
  return [...sandbox.truth(listId).members()].flatMap(({ status, row }) =>
    status === "archived" ? [] : [row],
  )
}
