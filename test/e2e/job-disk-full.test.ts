import { afterAll, expect, test } from "bun:test"
import { createExportCheck } from "../../src/dev/check-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createJobClient } from "../support/job-client.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

const folder = temporaryFolder()
const mounted = await Bun.$`mount -t tmpfs -o size=4m tmpfs ${folder.path}`.quiet().nothrow()
const canMount = mounted.exitCode === 0

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "Large", count: 12_000 }] }],
})
const services = serviceProcesses(mailchimp, { JOB_FILES: `${folder.path}/jobs`, JOB_PART_MB: "1" })
afterAll(async () => {
  await services.end()
  await mailchimp.stop()
  if (canMount) await Bun.$`umount ${folder.path}`.quiet()
  folder.remove()
})

test.skipIf(!canMount)(
  "a disk that becomes full fails the job, keeps what is recorded, and a retry is exact after space is made",
  async () => {
    const service = await services.start()
    const client = createJobClient(() => service, await connectAccount(service))
    const startedMs = Date.now()
    const failed = await client.ended((await client.start({ compression: "none" })).id)
    expect(failed).toMatchObject({ state: "failed", error: { code: "job_files_full", retryable: true } })
    expect(failed.parts.length).toBeGreaterThan(0)
    expect(await client.rows(failed)).toHaveLength(failed.rows)

    await Bun.$`mount -o remount,size=64m ${folder.path}`.quiet()
    await client.retry(failed.id)
    const job = await client.ended(failed.id)
    expect(job.state).toBe("complete")
    expect(job.parts.slice(0, failed.parts.length)).toEqual([...failed.parts])
    const listIds = mailchimp.sandbox.state.accounts[0]!.lists.map(({ id }) => id)
    const check = createExportCheck(mailchimp.sandbox, listIds, startedMs)
    for (const row of await client.rows(job)) check.take(row)
    const report = check.report(Date.now(), () => Date.now())
    expect(report).toMatchObject({ missing: 0, stale: 0, backwards: 0, foreign: 0 })
  },
  60_000,
)
