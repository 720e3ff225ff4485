import { expect, test } from "bun:test"
import { exportMembers } from "../../src/client/client.ts"
import { startSandboxAndService } from "../support/sandbox-and-service.ts"

// What is on its way fills the buffers between here and Mailchimp. More compressed pages fit into them.
test.each([
  ["identity", 45],
  ["zstd", 120],
])(
  "a loop that waits stops the requests to Mailchimp, and leaving the loop ends them (%s)",
  async (coding, most) => {
    await using pair = await startSandboxAndService({
      lists: [{ name: "Newsletter", count: 60_000 }],
      env: { MAILCHIMP_PAGE_SIZE: "1000" },
    })
    let requests = 0
    pair.onRequest(() => (requests += 1))
    const token = String(pair.headers["authorization"]).replace("Bearer ", "")
    let seen = 0
    for await (const { members } of exportMembers({
      baseUrl: pair.service.url,
      token,
      fetch: fetchAs(coding),
    }).pages()) {
      seen += members.length
      if (seen < 2000) continue
      await Bun.sleep(2000)
      const whenFull = requests
      await Bun.sleep(1000)
      expect(requests).toBe(whenFull)
      expect(requests).toBeLessThan(most)
      break
    }
    await Bun.sleep(300)
    const whenLeft = requests
    await Bun.sleep(500)
    expect(requests).toBe(whenLeft)
  },
  60_000,
)

function fetchAs(coding: string) {
  return (url: string, init: RequestInit) => {
    const headers = new Headers(init.headers)
    headers.set("accept-encoding", coding)
    return fetch(url, { ...init, headers })
  }
}
