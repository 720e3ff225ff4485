import { Argument, Command, Option } from "commander"
import type { ConnectOptions } from "./account/connect.ts"
import { type Shell, shells } from "./completion.ts"
import { exitCodeHelp } from "./exit-codes.ts"
import type { PullOptions } from "./pull/pull-options.ts"
import type { ServiceOptions } from "./service.ts"

/** What the commands do, once their arguments are known. */
export type Actions = {
  pull(options: PullOptions & ServiceOptions): Promise<void>
  lists(options: ServiceOptions & { readonly json?: boolean | undefined }): Promise<void>
  status(options: ServiceOptions & { readonly json?: boolean | undefined }): Promise<void>
  connect(options: ServiceOptions & ConnectOptions): Promise<void>
  disconnect(options: ServiceOptions & { readonly yes?: boolean | undefined }): Promise<void>
  completion(shell: Shell): Promise<void>
}

const mainHelp = `
Examples:
  export MAILCHIMP_EXPORT_URL=https://export.example.com MAILCHIMP_EXPORT_TOKEN=…
  mailchimp-export connect                               # once, in a browser
  mailchimp-export lists                                 # the ids of the lists
  mailchimp-export pull --out contacts.csv --list a1b2c3 # one list as CSV
  mailchimp-export pull --out contacts.csv --list a1b2c3 --resume
                                                         # continues after Ctrl-C or a crash

Environment:
  MAILCHIMP_EXPORT_URL    the URL of the service
  MAILCHIMP_EXPORT_TOKEN  the caller's JWT, unless --token-file names a file that has it.
                          No option takes a token, because other users can see arguments.

${exitCodeHelp}`

const pullHelp = `
Examples:
  mailchimp-export pull --out contacts.ndjson            # every member, a JSON object a line
  mailchimp-export pull --out contacts.csv --list a1b2c3,d4e5f6 --status subscribed
  mailchimp-export pull --out contacts.csv --resume      # continues where Ctrl-C or a crash ended it
  mailchimp-export pull --out - --fields email_address,status | jq -r .email_address

  Every night, by cron: everything at first, then what changed in a file of its own, such as
  contacts-20261127T021500Z.ndjson. If a run fails, the next one continues from there.
  MAILCHIMP_EXPORT_URL=https://export.example.com
  15 2 * * *  mailchimp-export pull --out /data/contacts.ndjson --since last --resume \\
                --token-file /run/secrets/token

Files:
  FILE          complete, or not there: it gets its name when the export has proved to be complete
  FILE.partial  an export that has not ended
  FILE.state    what --resume and --since last continue from

A member who changes during the export may come twice: the last row of a list_id and id counts.`

/** Describes every command and option. Throws a CommanderError instead of exiting. */
export function createProgram(
  actions: Actions,
  output: { readonly out: (text: string) => void; readonly err: (text: string) => void },
): Command {
  const program = new Command("mailchimp-export")
    .description(
      "Exports every contact of a connected Mailchimp account: exact, resumable, in constant memory.",
    )
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.err })
    .showHelpAfterError("(add --help for the options and examples)")
    .addHelpText("after", mainHelp)

  withService(program.command("pull").summary("export contacts to a file"))
    .description("Exports contacts to a file, or to the standard output.")
    .requiredOption(
      "--out <file>",
      "the file, such as contacts.ndjson or contacts.csv; - for the standard output",
    )
    .addOption(new Option("--format <format>", "if the file's name does not tell").choices(["ndjson", "csv"]))
    .option("--list <ids...>", "only these lists (default: all)")
    .option("--fields <names...>", "only these fields, such as email_address or merge_fields.FNAME")
    .option("--status <statuses...>", "only members of these statuses")
    .addOption(new Option("--include <what>", "archived members too").choices(["archived"]))
    .option("--since <when>", "only what changed since a day, a time, or the last export (last)")
    .option("--resume", "continue with an export that has not ended, if there is one")
    .option("--sandbox", "export from a sandbox Mailchimp, to try it (in a clone of the project)")
    .option("--quiet", "no progress and no summary; errors alone")
    .option("--json", "one JSON object on the standard error, at the end, instead of progress")
    .addHelpText("after", pullHelp)
    .action((options) => actions.pull(options))

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

  program
    .command("completion")
    .summary("print a script that completes commands in a shell")
    .description("Prints a script for a shell: source <(mailchimp-export completion bash)")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .action((shell) => actions.completion(shell))

  return program
}

function withService(command: Command): Command {
  return command
    .option("--token-file <file>", "a file that has the token; read for each request, so it may be renewed")
    .option("--sub-account <id>", "act for this sub-account")
}
