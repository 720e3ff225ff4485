import { endJsonEarly } from "./broken-responses.ts"
import type { FaultAction } from "./fault-action.ts"
import { oddPage } from "./odd-pages.ts"

/** The route's response, with its body changed if the fault changes bodies. Compression comes after this. */
export async function changeBody(response: Response, fault: FaultAction | undefined): Promise<Response> {
  switch (fault?.kind) {
    case "odd_page":
      return oddPage(response, fault.oddity)
    case "bad_json":
      return endJsonEarly(response, fault.keep)
    default:
      return response
  }
}
