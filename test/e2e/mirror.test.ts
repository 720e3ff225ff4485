import { expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { cpSync } from "node:fs"
import { join } from "node:path"
import { createClientProject } from "../support/client-project.ts"
import { until } from "../support/until.ts"
import { startWebhookService } from "../support/webhook-service.ts"

const recipe = join(import.meta.dir, "../../docs/recipes/mirror.js")

test("the recipe mirror.js keeps an equal copy, killed and started again, with deletions that no delivery tells", async () => {
  await using running = await startWebhookService({
    lists: 2,
    env: { CURSOR_MARGIN_S: "1", FOLLOW_INTERVAL_S: "1" },
  })
  const { sandbox, service, headers, listIds, call } = running
  const [first = "", second = ""] = listIds
  await call("PUT", `/lists/${first}/webhook`)
  const project = await createClientProject()
  const start = (...args: string[]) =>
    Bun.spawn([process.execPath, "mirror.js", ...args], {
      cwd: project.path,
      env: {
        PATH: String(Bun.env["PATH"]),
        API: service.url,
        TOKEN: String(headers["authorization"]).replace("Bearer ", ""),
        SWEEP_EVERY_S: "3",
      },
      stdout: "pipe",
      stderr: "inherit",
    })
  const copy = () => {
    try {
      using database = new Database(join(project.path, "mirror.sqlite"), { readonly: true })
      const rows = database
        .query<{ key: string; member: string }, []>("SELECT list_id || id AS key, member FROM members")
        .all()
      return new Map(rows.map(({ key, member }) => [key, JSON.parse(member)]))
    } catch {
      return undefined
    }
  }
  const isEqual = () => Bun.deepEquals(copy(), truth())
  const truth = () =>
    new Map(
      listIds.flatMap((id) =>
        [...sandbox.truth(id).members()].map((member) => [id + member.id, JSON.parse(member.row)] as const),
      ),
    )
  cpSync(recipe, join(project.path, "mirror.js"))
  let mirror = start()
  try {
    await until("an equal copy", isEqual, { everyMs: 100 })
    sandbox.churn.once(first, { edits: 3, additions: 2, archives: 1, unarchives: 1 })
    const [deleted] = sandbox.truth(first).members()
    sandbox.changes.deleteMember(first, deleted!.id)
    await until("an equal copy", isEqual, { everyMs: 100 })

    mirror.kill("SIGKILL")
    await mirror.exited
    const [changed, gone, silent] = [...sandbox.truth(second).members()].map(({ id }) => id)
    sandbox.changes.changeEmail(second, changed!)
    sandbox.changes.deleteMember(second, gone!)
    sandbox.changes.editSilently(second, silent!)
    mirror = start()
    await until("an equal copy", isEqual, { everyMs: 100 })
    mirror.kill("SIGKILL")
    await mirror.exited
    const check = start("check")
    expect(await new Response(check.stdout).text()).toBe("missing 0, stale 0, deleted at Mailchimp 0\n")
    expect(await check.exited).toBe(0)
    sandbox.changes.addMember(first)
    const differing = start("check")
    expect(await differing.exited).toBe(1)
  } finally {
    mirror.kill("SIGKILL")
    project.remove()
  }
}, 120_000)
