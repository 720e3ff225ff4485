import { disconnect } from "../../client/account.ts"
import type { Service } from "../../client/request.ts"
import { CommandError } from "../command-error.ts"
import type { Terminal } from "../terminal.ts"

/** Disconnects the account, after a person or `--yes` has confirmed it. */
export async function disconnectCommand(
  service: Service,
  { yes = false }: { readonly yes?: boolean | undefined },
  terminal: Terminal,
) {
  const { stderr } = terminal
  if (!yes && !(await confirm(terminal))) return stderr.write("Nothing was changed\n")
  await disconnect(service)
  return stderr.write(
    "Disconnected. Cursors of this connection no longer work: the next export starts anew\n",
  )
}

async function confirm({ stdin, stderr, signal }: Terminal): Promise<boolean> {
  if (stdin.isTTY !== true)
    throw new CommandError("usage", "Cannot ask because there is no terminal: add --yes to disconnect")
  await stderr.write("Disconnect the Mailchimp account? Running exports end, and cursors are lost. [y/N] ")
  // Loaded only now, so that `--help` stays quick.
  const { createInterface } = await import("node:readline/promises")
  const lines = createInterface({ input: stdin })
  try {
    return /^y(es)?$/i.test((await lines.question("", { signal })).trim())
  } finally {
    lines.close()
  }
}
