import type { Context } from "hono"
import type { Account, List } from "../state.ts"

/** What is known about a request before it reaches a route. */
export type ApiBindings = {
  account: Account
  /** At most this many rows in a members page, if a fault says so. */
  maxRows: number
  /** Holds the response back until then, in ms of the sandbox's clock, however early it was ready. */
  holdUntil: (ms: number) => void
}

export type ApiContext = Context<{ Bindings: ApiBindings }>

/** A list of the caller's own account; a list of another account is not found. */
export function findList(c: ApiContext): List | undefined {
  return c.env.account.lists.find((list) => list.id === c.req.param("list_id"))
}

/** The address that the client used, up to `/3.0`. */
export function apiAddress(c: ApiContext): string {
  const { origin, pathname } = new URL(c.req.url)
  return `${origin}${pathname.slice(0, pathname.indexOf("/3.0") + 4)}`
}
