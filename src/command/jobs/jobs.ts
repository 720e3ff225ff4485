import { cancelJob, job, listJobs, retryJob } from "../../client/jobs.ts"
import type { Service } from "../../client/request.ts"
import type { Terminal } from "../terminal.ts"
import { toTable, toText } from "./describe-job.ts"

type Format = { readonly json?: boolean | undefined }

/** Shows the caller's jobs, newest first. */
export async function listJobsCommand(
  service: Service,
  { before, json = false }: Format & { readonly before?: string | undefined },
  { stdout }: Terminal,
) {
  const jobs = await listJobs({ ...service, before })
  return stdout.write(json ? toJson(jobs) : toTable(jobs))
}

export async function showJobCommand(
  id: string,
  service: Service,
  { json = false }: Format,
  { stdout }: Terminal,
) {
  const found = await job(id, service)
  return stdout.write(json ? toJson(found) : toText(found))
}

export async function cancelJobCommand(id: string, service: Service, { stderr }: Terminal) {
  await cancelJob(id, service)
  return stderr.write(`Canceled the job ${id}, and deleted its files\n`)
}

export async function retryJobCommand(id: string, service: Service, { stderr }: Terminal) {
  await retryJob(id, service)
  return stderr.write(`The job ${id} continues. Next: mailchimp-export jobs download ${id} --out FILE\n`)
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
