/**
 * What accounts whose Mailchimp is slow cost another account: the time of its export beside theirs over its time alone.
 * With Bun's own limit of 256 requests a process it was 32 times as long and more.
 */
import { consume } from "./support/consumer.ts"
import { startSandboxProcess } from "./support/sandbox-process.ts"
import { startServiceUnderLoad } from "./support/service-under-load.ts"
import { measuredHead, printTable, sizeOf, spread } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 20_000)
const slowAccounts = sizeOf("BENCH_ACCOUNTS", 60)
const runs = sizeOf("BENCH_RUNS", 5)
const connections = 10
const slowMs = 8000
const slowIds = "5105"

const accounts = Array.from({ length: slowAccounts }, (_, account) => ({
  userId: 100 + account,
  lists: Array.from({ length: connections }, (_, index) => ({
    id: slowIds + String(account * connections + index).padStart(6, "0"),
    name: `Slow ${index}`,
    count: 10,
  })),
}))
await using sandbox = await startSandboxProcess([], {
  accounts: [{ userId: 1, lists: [{ name: "Other", count: members }] }, ...accounts],
})
await using service = await startServiceUnderLoad(sandbox, { MAILCHIMP_REQUESTS_PER_SECOND: "1000" })
const [other, ...slow] = await connectAll()
if (!other) throw new Error("The sandbox has no account")
const [list] = sandbox.lists
const exportOther = () => consume(`${service.api}/export/${list?.id}`, other)

await exportOther()
const ratios: number[] = []
for (let index = 0; index < runs; index += 1) {
  const alone = await exportOther()
  await sandbox.addFault({
    match: { path: `/lists/${slowIds}` },
    action: { kind: "delay", ms: slowMs },
    times: 1e9,
  })
  const leaving = new AbortController()
  const held = slow.map((headers) =>
    fetch(`${service.api}/export`, { headers, signal: leaving.signal }).catch(() => {}),
  )
  // All their requests have been sent, and the first of them have not been answered.
  await Bun.sleep(slowMs / 2)
  const beside = await exportOther()
  ratios.push(beside.durationMs / alone.durationMs)
  leaving.abort()
  await Promise.all(held)
  await sandbox.clearFaults()
}

printTable(`Beside ${slowAccounts} accounts of ${slowMs / 1000} s a page, ${runs} runs`, measuredHead, [
  ["time of another account's export over its time alone", spread(ratios, " ×", 2), "1.2 ×"],
])

async function connectAll() {
  const connected = []
  for (const { userId } of sandbox.accounts) {
    await sandbox.set({ consentingUserId: userId })
    connected.push(await service.connect())
  }
  return connected
}
