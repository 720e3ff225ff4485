import { createJobClient } from "../../support/job-client.ts"
import type { Fault, Play } from "./faults.ts"
import { forms } from "./forms.ts"
import type { CellAccount, MatrixService } from "./matrix-service.ts"
import type { Position } from "./positions.ts"
import { differenceFromTruth, mostLegs } from "./run-cells.ts"

/** A job through a fault: how each of its runs ended, and the difference of its files from the members of the sandbox. */
export async function runJob(
  service: MatrixService,
  account: CellAccount,
  { fault, play, position }: { readonly fault: Fault; readonly play: Play; readonly position: Position },
) {
  const [form] = forms
  if (form === undefined) throw new Error("no format")
  const connect = async () => createJobClient(() => account, await service.connect(account))
  let client = await connect()
  const begun = service.begin(account, fault, play, position)
  let job = await client.ended((await client.start()).id)
  const outcomes = [job.error?.code ?? job.state]
  while (job.state === "failed" && outcomes.length < mostLegs) {
    begun.end()
    if (fault.code === "connection_invalidated") client = await connect()
    job = await client.ended((await client.retry(job.id)).id)
    outcomes.push(job.error?.code ?? job.state)
  }
  begun.end()
  const latest = new Map<string, string>()
  for (const row of await client.rows(job)) {
    const { key, text } = form.toRow(row)
    latest.set(key, text)
  }
  return {
    outcomes,
    played: begun.played(),
    difference: differenceFromTruth(latest, service, account, form),
  }
}
