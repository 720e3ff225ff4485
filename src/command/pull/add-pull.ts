import { type Command, Option } from "commander"
import type { ServiceOptions } from "../service.ts"
import { withService } from "../with-service.ts"
import type { PullOptions } from "./pull-options.ts"

export type PullActions = { pull(options: PullOptions & ServiceOptions): Promise<void> }

const pullHelp = `
Examples:
  # every member as CSV; and after Ctrl-C or a crash, the rest
  mailchimp-export pull --out contacts.csv
  mailchimp-export pull --out contacts.csv --resume

  # two lists, subscribed members alone, a JSON object a line
  mailchimp-export pull --out contacts.ndjson --list a1b2c3,d4e5f6 \\
    --status subscribed

  # into another program
  mailchimp-export pull --out - --fields email_address | jq -r .email_address

  # stay, and append what changes; and after it was ended, continue
  mailchimp-export pull --out contacts.ndjson --follow
  mailchimp-export pull --out contacts.ndjson --follow --resume

  # have a job of the service export, for hours if need be
  mailchimp-export pull --out contacts.csv --background

  # every night, by cron: everything at first, then what changed, in a file of
  # its own, such as contacts-20261127T021500Z.ndjson. If a run fails, the next
  # one continues from there. A crontab:
  MAILCHIMP_EXPORT_URL=https://export.example.com
  15 2 * * *  mailchimp-export pull --out /data/contacts.ndjson --since last --resume --token-file /run/secrets/token

Files:
  FILE          a complete export, or not there
  FILE.partial  an export that has not ended
  FILE.state    what --resume and --since last continue from
  FILE.lock     while a run writes

Exit code 0 means that every member is in the file, as of the time that the
last line says. Rows have no order. A member who changes during the export may
come twice, as some do after --resume: the last row counts, of a list_id and id,
in a CSV file of a LIST_ID and EUID. --since cannot show members who were
deleted: export everything once a week, or follow. With --follow a deletion is a
line, {"$export":"deleted","list_id":…,"id":…}; without an id, the list is gone.`

export function addPull(program: Command, actions: PullActions): void {
  withService(program.command("pull").summary("export contacts to a file"))
    .description("Exports contacts to a file, or to the standard output.")
    .requiredOption(
      "--out <file>",
      "the file, such as contacts.ndjson or contacts.csv; - for the standard output",
    )
    .addOption(new Option("--format <format>", "if the file's name does not tell").choices(["ndjson", "csv"]))
    .option("--list <ids...>", "only these lists, by the ids of mailchimp-export lists (default: all)")
    .option("--fields <names...>", "only these fields, such as email_address or merge_fields.FNAME")
    .option("--status <statuses...>", "only members of these statuses")
    .addOption(new Option("--include <what>", "archived members too").choices(["archived"]))
    .option("--since <when>", "only what changed since a day, a time, or the last export (last)")
    .addOption(
      new Option(
        "--formulas <how>",
        "CSV: raw for programs and for Mailchimp; by default a cell that a spreadsheet would run, also a phone number, gets an apostrophe",
      ).choices(["defused", "raw"]),
    )
    .option("--bom", "CSV: begin with a byte order mark, without which Excel misreads UTF-8")
    .option("--resume", "continue with an export that has not ended, if there is one")
    .option("--follow", "stay after the export, and append rows and deletions as they happen (NDJSON)")
    .option("--background", "have a job of the service export, and download its files")
    .option("--sandbox", "export from a sandbox Mailchimp, to try it (in a clone of the project)")
    .option("--quiet", "no progress and no summary; errors alone")
    .option("--json", "one JSON object on the standard error, at the end, instead of progress")
    .addHelpText("after", pullHelp)
    .action((options) => actions.pull(options))
}
