import { join } from "node:path"
import { expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { startFollower } from "../support/follower.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"

test("90 s after disconnecting, with followers that have not left, the token is in no snapshot of the heap", async () => {
  const mailchimp = startSandbox({
    decision: "approve",
    accounts: [{ lists: [{ name: "One", count: 500 }] }],
  })
  const folder = temporaryFolder()
  const unix = join(folder.path, "probe.sock")
  const processes = serviceProcesses(mailchimp, {
    BUN_OPTIONS: `--preload ${join(import.meta.dir, "../support/heap-probe.ts")}`,
    PROBE_SOCKET: unix,
  })
  try {
    const service = await processes.start()
    const headers = await connectAccount(service)
    const [account] = mailchimp.sandbox.state.accounts
    const [token = "no token"] = account?.tokens ?? []
    const [list] = account?.lists ?? []
    const isInHeap = async () => (await (await fetch("http://probe", { unix })).text()).includes(token)
    await fetch(`${service.api}/lists/${list?.id}/webhook`, { method: "PUT", headers })
    expect((await fetch(`${service.api}/export`, { headers })).status).toBe(200)
    const url = `${service.api}/export?events=true&follow=true`
    const followers = [startFollower(url, headers), startFollower(`${url}&list_id=${list?.id}`, headers)]
    for (const follower of followers) await follower.caughtUp()
    expect(await isInHeap()).toBe(true)
    expect((await fetch(`${service.api}/auth`, { method: "DELETE", headers })).status).toBe(200)
    const disconnectedMs = performance.now()
    for (const follower of followers) {
      await follower.ended
      expect(follower.of("error")).toEqual([expect.objectContaining({ code: "disconnected" })])
    }
    while (performance.now() - disconnectedMs < 90_000 && (await isInHeap())) await Bun.sleep(2_000)
    expect(await isInHeap()).toBe(false)
  } finally {
    await processes.end()
    await mailchimp.stop()
    folder.remove()
  }
}, 120_000)
