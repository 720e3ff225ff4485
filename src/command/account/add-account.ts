import type { Command } from "commander"
import type { ServiceOptions } from "../service.ts"
import { withService } from "../with-service.ts"
import type { ConnectOptions } from "./connect.ts"

type Format = { readonly json?: boolean | undefined }

export type AccountActions = {
  lists(options: ServiceOptions & Format): Promise<void>
  status(options: ServiceOptions & Format): Promise<void>
  connect(options: ServiceOptions & ConnectOptions): Promise<void>
  disconnect(options: ServiceOptions & { readonly yes?: boolean | undefined }): Promise<void>
}

export function addAccount(program: Command, actions: AccountActions): void {
  withService(program.command("lists").summary("show the lists of the account"))
    .description("Shows the id, the counts and the name of each list, separated by tabs.")
    .option("--json", "as JSON")
    .action((options) => actions.lists(options))

  withService(program.command("status").summary("show which account is connected"))
    .description("Shows which account is connected. The exit code is 4 if none is.")
    .option("--json", "as JSON")
    .action((options) => actions.status(options))

  withService(program.command("connect").summary("connect a Mailchimp account"))
    .description("Shows where to log in at Mailchimp, and waits until the account is connected.")
    .option("--forward-url <url>", "where the browser goes then (default: a page of the service)")
    .option("--no-open", "do not open a browser")
    .action((options) => actions.connect(options))

  withService(program.command("disconnect").summary("disconnect the account"))
    .description("Disconnects the account, after asking.")
    .option("--yes", "do not ask")
    .action((options) => actions.disconnect(options))
}
