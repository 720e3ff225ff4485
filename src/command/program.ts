import { Argument, Command } from "commander"
import { type AccountActions, addAccount } from "./account/add-account.ts"
import { type Shell, shells } from "./completion.ts"
import { exitCodeHelp } from "./exit-codes.ts"
import { type JobActions, addJobs } from "./jobs/add-jobs.ts"
import { type PullActions, addPull } from "./pull/add-pull.ts"

/** What the commands do, once their arguments are known. */
export type Actions = PullActions & JobActions & AccountActions & { completion(shell: Shell): Promise<void> }

const mainHelp = `
Examples:
  export MAILCHIMP_EXPORT_URL=https://export.example.com
  export MAILCHIMP_EXPORT_TOKEN=…
  mailchimp-export connect               # once, in a browser
  mailchimp-export lists                 # the ids of the lists
  mailchimp-export pull --out contacts.csv --list a1b2c3
  mailchimp-export pull --out contacts.csv --list a1b2c3 --resume
                                         # continues after Ctrl-C or a crash
  mailchimp-export pull --help           # more, such as every night by cron

Environment:
  MAILCHIMP_EXPORT_URL    the URL of the service
  MAILCHIMP_EXPORT_TOKEN  the caller's JWT, unless --token-file names its file.
                          No option takes it, because others see arguments.

${exitCodeHelp}`

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

  addPull(program, actions)
  addJobs(program, actions)
  addAccount(program, actions)

  program
    .command("completion")
    .summary("print a script that completes commands in a shell")
    .description("Prints a script for a shell: source <(mailchimp-export completion bash)")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .action((shell) => actions.completion(shell))

  return program
}
