import { lists } from "../../client/account.ts"
import type { Service } from "../../client/request.ts"
import type { Terminal } from "../terminal.ts"

/** Writes one line a list: id, members, name. Tabs are between them, so that `cut` and `awk` can read it. */
export async function listsCommand(
  service: Service,
  { json = false }: { readonly json?: boolean | undefined },
  { stdout }: Terminal,
) {
  const all = await lists(service)
  if (json) return stdout.write(`${JSON.stringify(all, null, 2)}\n`)
  const lines = all.map(
    ({ id, name, member_count: subscribed, unsubscribe_count: unsubscribed, cleaned_count: cleaned }) =>
      [id, subscribed, unsubscribed, cleaned, name.replaceAll(/\s+/g, " ")].join("\t"),
  )
  return stdout.write(`${["id\tsubscribed\tunsubscribed\tcleaned\tname", ...lines].join("\n")}\n`)
}
