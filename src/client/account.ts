import { type Service, readData } from "./request.ts"
import type { Connection, Disconnected, List, ListDetails, Login } from "./types.ts"

/**
 * Starts a login. Send the browser to `redirect_url`: `location.assign(redirect_url)`. After the user has consented, it
 * comes back to `forwardUrl`. Call this in that browser, because the response sets the cookie that binds the login to it.
 */
export function connect(forwardUrl: string, service: Service): Promise<Login> {
  return readData(service, "/auth/login", { query: { forward_url: forwardUrl }, credentials: "include" })
}

/** The connection; an error `access_token_not_found` if there is none. */
export function connection(service: Service): Promise<Connection> {
  return readData(service, "/auth")
}

/** Disconnects, and ends running exports. Succeeds if nothing was connected. */
export function disconnect(service: Service): Promise<Disconnected> {
  return readData(service, "/auth", { method: "DELETE" })
}

/** Every list of the account. */
export function lists(service: Service): Promise<List[]> {
  return readData(service, "/lists")
}

/** One list, with its merge fields and interests. */
export function list(id: string, service: Service): Promise<ListDetails> {
  return readData(service, `/lists/${encodeURIComponent(id)}`)
}
