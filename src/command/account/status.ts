import { connection } from "../../client/account.ts"
import type { Service } from "../../client/request.ts"
import { CommandError } from "../command-error.ts"
import type { Terminal } from "../terminal.ts"

/** Says which account is connected. */
export async function statusCommand(
  service: Service,
  { json = false }: { readonly json?: boolean | undefined },
  { stdout }: Terminal,
) {
  const found = await connection(service)
  const {
    account_name: name,
    data_center: dataCenter,
    connected_at: at,
    token_invalidated: isInvalid,
  } = found
  if (json) await stdout.write(`${JSON.stringify(found, null, 2)}\n`)
  if (isInvalid)
    throw new CommandError(
      "loginRequired",
      "Mailchimp no longer accepts the connection: connect again with mailchimp-export connect",
    )
  const since = at === null ? "" : ` since ${at}`
  if (!json)
    await stdout.write(`Connected to ${name ?? "an account without a name"}, ${dataCenter}${since}\n`)
}
