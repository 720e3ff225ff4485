/**
 * What a job of a million members takes beside the stream of the same list: memory in a process of its own each, and CPU of gzip
 * parts in turns in one process. With BENCH_S3=1 the job writes to an object store on this machine, else to a folder.
 */
import { startObjectStore } from "../support/versitygw.ts"
import { createJobClient } from "../support/job-client.ts"
import { consume } from "./support/consumer.ts"
import { cpuSeconds, MB, peakBytes } from "./support/process-stats.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { type ServiceUnderLoad, startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, number, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 1_000_000)
const runs = sizeOf("BENCH_RUNS", 5)
const cpuMembers = Math.ceil(members / 5)

const store = process.env["BENCH_S3"] === undefined ? undefined : await startObjectStore()
const env = store === undefined ? {} : { ...store.env, JOB_FILES: `s3://${store.createBucket().name}/jobs` }
await using sandbox = await startSandboxProcess([members, cpuMembers])
const [large = "", small = ""] = sandbox.lists.map(({ id }) => id)

const streamPeak = await peakOf((service) => stream(service, large))
const jobPeak = await peakOf((service) => job(service, large))

const ratios: number[] = []
await using service = await startServiceUnderLoad(sandbox, env)
for (let run = 0; run <= runs; run += 1) {
  const ofStream = await cpuOf(() => stream(service, small))
  const ofJob = await cpuOf(() => job(service, small))
  // In the first round the process still compiles what it runs.
  if (run > 0) ratios.push(ofJob / ofStream)
}

printTable(`Jobs: memory at ${number(members)} members, CPU at ${number(cpuMembers)}`, measuredHead, [
  ["peak of the stream", `${number(streamPeak / MB)} MB`],
  ["peak of the job", `${number(jobPeak / MB)} MB`],
  ["ratio", `${number(jobPeak / streamPeak, 2)} ×`, "1.30 ×"],
  [`CPU of gzip parts over the stream's, ${runs} pairs`, spread(ratios, " ×", 2), "3 ×"],
])
await store?.stop()

async function peakOf(run: (service: ServiceUnderLoad) => Promise<void>): Promise<number> {
  await using service = await startServiceUnderLoad(sandbox, env)
  await run(service)
  return peakBytes(service.pid)
}

async function cpuOf(run: () => Promise<void>): Promise<number> {
  const before = cpuSeconds(service.pid)
  await run()
  return cpuSeconds(service.pid) - before
}

async function stream(service: ServiceUnderLoad, listId: string): Promise<void> {
  await consume(`${service.api}/export/${listId}`, service.headers)
}

async function job(service: ServiceUnderLoad, listId: string): Promise<void> {
  const client = createJobClient(() => service, service.headers)
  const { state } = await client.ended((await client.start({ list_id: [listId] })).id)
  if (state !== "complete") throw new Error(`The job is ${state}`)
}
