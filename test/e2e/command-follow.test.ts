import { afterAll, expect, test } from "bun:test"
import { createCommandFolders } from "../support/command-folders.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"
import { until } from "../support/until.ts"
import { startWebhookService } from "../support/webhook-service.ts"

const pair = await startSandboxAndService({
  lists: [{ name: "Newsletter", count: 300 }],
  env: { FOLLOW_INTERVAL_S: "1" },
})
const { inNewFolder, remove } = createCommandFolders(pair)
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  remove()
})

const listId = () => pair.listIds[0] ?? ""
const addMember = () => pair.sandbox.changes.addMember(listId())

/** The members that the lines lead to: the last row of each, without those that were deleted. */
function membersOf(lines: readonly string[]): string[] {
  const members = new Map<string, string>()
  for (const line of lines) {
    const item = JSON.parse(line)
    if (item.$export === "deleted") members.delete(item.id)
    else members.set(item.id, line)
  }
  return [...members.values()].filter((row) => JSON.parse(row).status !== "archived")
}

test("pull --follow appends what changes, and --follow --resume continues after a kill and half a line", async () => {
  const { start, rowsOf, textOf, files, append } = inNewFolder()
  const isInSync = () => differenceOf(membersOf(rowsOf("a.ndjson")), pair.liveRows()).missing === 0
  const first = start("pull --out a.ndjson --follow")
  await until("the whole file", () => files().includes("a.ndjson"))
  expect(differenceOf(rowsOf("a.ndjson"), pair.liveRows())).toEqual(noDifference)
  addMember()
  await until("the new member", isInSync)
  // Longer than FOLLOW_INTERVAL_S, so that it says that it is in sync.
  await Bun.sleep(1500)
  first.kill("SIGINT")
  const interrupted = await first.ended
  expect(interrupted).toMatchObject({ exitCode: 130, stdout: "" })
  expect(interrupted.stderr).toMatch(/^[\d,]+ members, whole as of .*, in a\.ndjson\. Following\n/)
  expect(interrupted.stderr).toContain("In sync as of")
  expect(files()).toEqual(["a.ndjson", "a.ndjson.state"])

  const before = textOf("a.ndjson")
  append("a.ndjson", '{"id":"half')
  addMember()
  const second = start("pull --out a.ndjson --follow --resume")
  await until("the next member", isInSync)
  expect(textOf("a.ndjson")).toStartWith(before)
  second.kill("SIGKILL")
  await second.ended

  addMember()
  const third = start("pull --out a.ndjson --follow --resume")
  await until("the last member", isInSync)
  third.kill("SIGTERM")
  expect(await third.ended).toMatchObject({ exitCode: 130 })
  for (const line of rowsOf("a.ndjson")) expect(() => JSON.parse(line)).not.toThrow()
  expect(differenceOf(membersOf(rowsOf("a.ndjson")), pair.liveRows())).toEqual(noDifference)
}, 60_000)

test("--follow --out - writes rows as they come", async () => {
  const { start } = inNewFolder()
  const { kill, ended } = start("pull --out - --follow --quiet")
  await Bun.sleep(2000)
  addMember()
  await Bun.sleep(3500)
  kill("SIGTERM")
  const { exitCode, stdout } = await ended
  expect(exitCode).toBe(130)
  expect(differenceOf(membersOf(stdout.split("\n").filter(Boolean)), pair.liveRows())).toEqual(noDifference)
}, 60_000)

test("--follow refuses CSV, --background and --since last", async () => {
  const { run, files } = inNewFolder()
  for (const args of ["--out a.csv", "--out a.ndjson --background", "--out a.ndjson --since last"]) {
    const refused = await run(`pull ${args} --follow`)
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" })
    expect(refused.stderr).toContain("--follow")
  }
  expect(files()).toEqual([])
}, 60_000)

test("a deletion and a changed address are lines of the followed file", async () => {
  await using running = await startWebhookService({
    env: { CURSOR_MARGIN_S: "1", FOLLOW_INTERVAL_S: "3600" },
  })
  const { sandbox, listId, call } = running
  await call("PUT", `/lists/${listId}/webhook`)
  const folders = createCommandFolders(running)
  const { start, files, rowsOf } = folders.inNewFolder()
  const { kill, ended } = start("pull --out a.ndjson --follow")
  await until("the whole file", () => files().includes("a.ndjson"))
  const members = () => [...sandbox.truth(listId).members()].filter(({ status }) => status !== "archived")
  const [deleted, moved] = members().map(({ id }) => id)
  sandbox.changes.deleteMember(listId, deleted!)
  const { id: newId } = sandbox.changes.changeEmail(listId, moved!)
  const deletions = () => rowsOf("a.ndjson").filter((line) => line.startsWith('{"$export"'))
  const isInSync = () =>
    differenceOf(
      membersOf(rowsOf("a.ndjson")),
      members().map(({ row }) => row),
    ).missing === 0
  await until("both deletions", () => deletions().length > 1 && isInSync())
  kill("SIGTERM")
  expect(await ended).toMatchObject({ exitCode: 130, stdout: "" })
  const lines = deletions().map((line) => JSON.parse(line))
  expect(lines.toSorted((a, b) => a.reason.localeCompare(b.reason))).toMatchObject([
    { $export: "deleted", list_id: listId, id: moved, reason: "address_changed", new_id: newId },
    { $export: "deleted", list_id: listId, id: deleted, reason: "member_deleted" },
  ])
  expect(
    differenceOf(
      membersOf(rowsOf("a.ndjson")),
      members().map(({ row }) => row),
    ),
  ).toEqual(noDifference)
  folders.remove()
}, 60_000)
