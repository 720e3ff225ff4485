import { join } from "node:path"
import { expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { startFollower } from "../support/follower.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

/** In which state each account is when it is disconnected: all at once, because a token may be kept for more than a minute. */
const states = [
  "with a follower that has not left",
  "whose token was revoked",
  "whose user is disabled",
  "of which the list is gone",
  "while Mailchimp fails",
  "while Mailchimp does not respond",
  "whose disconnection was killed",
] as const

type State = (typeof states)[number]

test("90 s after disconnecting accounts in every state, with followers, no token is in a snapshot of the heap", async () => {
  const mailchimp = startSandbox({
    decision: "approve",
    accounts: states.map((name) => ({ lists: [{ name, count: 500 }] })),
  })
  const { sandbox } = mailchimp
  const folder = temporaryFolder()
  const processes = serviceProcesses(mailchimp, {
    BUN_OPTIONS: `--preload ${join(import.meta.dir, "../support/heap-probe.ts")}`,
    TOKEN_KEYS: `k1:${Buffer.alloc(32, 1).toString("base64")}`,
  })
  // A process that is killed leaves its socket behind.
  const start = async (name: string) => {
    const unix = join(folder.path, name)
    const service = await processes.start({ PROBE_SOCKET: unix })
    return { ...service, snapshot: async () => (await fetch("http://probe", { unix })).text() }
  }
  try {
    const killed = await start("first.sock")
    const connect = async (
      { userId, lists, tokens }: (typeof sandbox.state.accounts)[number],
      index: number,
    ) => {
      sandbox.settings.consentingUserId = userId
      const headers = await connectAccount(killed)
      const listId = lists[0]?.id ?? ""
      const put = await fetch(`${killed.api}/lists/${listId}/webhook`, { method: "PUT", headers })
      expect(put.status).toBe(200)
      const [token = "no token"] = tokens
      return { state: states[index], userId, listId, headers, token }
    }
    const accounts: Awaited<ReturnType<typeof connect>>[] = []
    for (const [index, account] of sandbox.state.accounts.entries())
      accounts.push(await connect(account, index))
    const inState = (state: State) => accounts.filter((account) => account.state === state)
    const failing = (state: State, kind: "hang" | "empty") => {
      for (const { listId } of inState(state))
        sandbox.faults.add({
          match: { path: "/webhooks/", listId },
          action: kind === "hang" ? { kind } : { kind, status: 500 },
          times: Infinity,
        })
    }
    const disconnect = (service: { readonly api: string }, headers: Readonly<Record<string, string>>) =>
      fetch(`${service.api}/auth`, { method: "DELETE", headers })

    failing("while Mailchimp does not respond", "hang")
    failing("whose disconnection was killed", "hang")
    const requestsBefore = sandbox.traffic.total
    const interrupted = inState("whose disconnection was killed").map(({ headers }) =>
      disconnect(killed, headers).catch(() => undefined),
    )
    await until("a request to remove the webhook", () => sandbox.traffic.total > requestsBefore)
    await killed.kill()
    await Promise.all(interrupted)

    // Finishes what was interrupted, and therefore has that token in memory, too.
    const service = await start("second.sock")
    const left = accounts.filter(({ state }) => state !== "whose disconnection was killed")
    const tokensInHeap = async () => {
      const snapshot = await service.snapshot()
      return accounts.filter(({ token }) => snapshot.includes(token)).map(({ state }) => state)
    }
    const followers = left.flatMap(({ headers, listId }) => {
      const url = `${service.api}/export?events=true&follow=true`
      return [startFollower(url, headers), startFollower(`${url}&list_id=${listId}`, headers)]
    })
    for (const follower of followers) await follower.caughtUp()
    expect(await tokensInHeap()).toEqual([...states])

    for (const { userId } of inState("whose token was revoked")) sandbox.revoke(userId)
    for (const { userId } of inState("whose user is disabled")) sandbox.setDisabled(userId, true)
    for (const { listId } of inState("of which the list is gone")) sandbox.state.removeList(listId)
    failing("while Mailchimp fails", "empty")
    const statuses = left.map(async ({ headers }) => (await disconnect(service, headers)).status)
    expect(await Promise.all(statuses)).toEqual(left.map(() => 200))
    const disconnectedMs = performance.now()
    await Promise.all(followers.map(({ ended }) => ended))
    for (const follower of followers)
      expect(follower.of("error")).toEqual([expect.objectContaining({ code: "disconnected" })])
    while (performance.now() - disconnectedMs < 90_000 && (await tokensInHeap()).length > 0)
      await Bun.sleep(5_000)
    expect(await tokensInHeap()).toEqual([])
  } finally {
    await processes.end()
    await mailchimp.stop()
    folder.remove()
  }
}, 180_000)
