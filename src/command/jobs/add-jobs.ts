import type { Command } from "commander"
import type { ServiceOptions } from "../service.ts"
import { withService } from "../with-service.ts"
import type { DownloadJobOptions } from "./download-job.ts"

type Format = { readonly json?: boolean | undefined }

export type JobActions = {
  listJobs(options: ServiceOptions & Format & { readonly before?: string | undefined }): Promise<void>
  showJob(id: string, options: ServiceOptions & Format): Promise<void>
  downloadJob(id: string, options: ServiceOptions & DownloadJobOptions): Promise<void>
  cancelJob(id: string, options: ServiceOptions): Promise<void>
  retryJob(id: string, options: ServiceOptions): Promise<void>
}

const jobsHelp = `
Examples:
  # start a job, wait, and download it
  mailchimp-export pull --out contacts.csv --background

  # download any job; and after Ctrl-C or a crash, the rest
  mailchimp-export jobs list
  mailchimp-export jobs download job_0f1e… --out contacts.csv
  mailchimp-export jobs download job_0f1e… --out contacts.csv --resume`

export function addJobs(program: Command, actions: JobActions): void {
  const jobs = program
    .command("jobs")
    .summary("list, show, download, cancel or retry jobs")
    .description("Shows and manages exports in the background, which pull --background starts.")
    .helpCommand(false)
    .addHelpText("after", jobsHelp)

  withService(jobs.command("list"))
    .description("Shows the id, the state, the format and the size of each job, newest first.")
    .option("--before <id>", "only jobs older than this one")
    .option("--json", "as JSON")
    .action((options) => actions.listJobs(options))

  withService(jobs.command("show <id>"))
    .description("Shows one job.")
    .option("--json", "as JSON")
    .action((id, options) => actions.showJob(id, options))

  withService(jobs.command("download <id>"))
    .description("Waits until a job has ended, and downloads it into one file.")
    .requiredOption("--out <file>", "the file; - for the standard output; inflated unless it ends in .gz")
    .option("--resume", "continue with a download that has not ended, if there is one")
    .option("--quiet", "no progress and no summary; errors alone")
    .action((id, options) => actions.downloadJob(id, options))

  withService(jobs.command("cancel <id>"))
    .description("Cancels a job, and deletes its files.")
    .action((id, options) => actions.cancelJob(id, options))

  withService(jobs.command("retry <id>"))
    .description("Has a failed job continue from its last part.")
    .action((id, options) => actions.retryJob(id, options))
}
