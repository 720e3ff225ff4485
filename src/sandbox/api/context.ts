import type { Context } from "hono"
import type { Account, List } from "../state.ts"

/** What is known of a request before it reaches a route. */
export type ApiBindings = {
  account: Account
  /** At most that many rows of a members page, where a fault says so. */
  mostRows: number
  /** Keeps the answer back until then, in ms of the sandbox's clock, however early it was made. */
  holdUntil: (ms: number) => void
}

export type ApiContext = Context<{ Bindings: ApiBindings }>

/** A list of the caller's own account; another account's is not found either. */
export function findList(c: ApiContext): List | undefined {
  return c.env.account.lists.find((list) => list.id === c.req.param("list_id"))
}

/** The address that the client used, up to `/3.0`. */
export function apiAddress(c: ApiContext): string {
  const { origin, pathname } = new URL(c.req.url)
  return `${origin}${pathname.slice(0, pathname.indexOf("/3.0") + 4)}`
}
