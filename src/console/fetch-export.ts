import { isThisMachine } from "../lib/this-machine.ts"

/**
 * Requests an export. From the same machine it is not compressed, because that takes more CPU time than all the rest. A page
 * cannot set Accept-Encoding, but browsers set it to `identity` in a request for a range (the Fetch standard, 4.6); the service
 * ignores a range of an export.
 */
export function fetchExport(url: string, init: RequestInit): Promise<Response> {
  if (!isThisMachine(url)) return fetch(url, init)
  const headers = new Headers(init.headers)
  headers.set("range", "bytes=0-")
  return fetch(url, { ...init, headers })
}
