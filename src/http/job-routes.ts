import { z } from "@hono/zod-openapi"
import { AppError } from "../errors.ts"
import type { Jobs } from "../jobs/jobs.ts"
import { bearerSecurity, callerProblems, problems } from "./openapi.ts"
import { subAccountId } from "./parameters.ts"

/** What the declarations of all routes of jobs have in common. */
export const jobRoute = {
  tags: ["Jobs"],
  security: bearerSecurity,
}

export const jobQuery = z.strictObject({ sub_account_id: subAccountId })

export const jobParams = z.strictObject({
  id: z.string().regex(/^[\w-]{1,100}$/, "must be the id of a job, as in /export-jobs"),
})

export const jobProblems = {
  ...callerProblems,
  404: problems[404],
  410: problems[410],
  501: problems[501],
}

/** The jobs of the service, or why it cannot run any. */
export type JobsOrReason =
  | { readonly jobs: Jobs; readonly whyNoJobs?: undefined }
  | { readonly jobs?: undefined; readonly whyNoJobs: string }

/** @throws AppError `jobs_not_configured` */
export function requireJobs({ jobs, whyNoJobs }: JobsOrReason): Jobs {
  if (jobs !== undefined) return jobs
  throw new AppError("jobs_not_configured", `Cannot run jobs because ${whyNoJobs}: use /export`)
}
