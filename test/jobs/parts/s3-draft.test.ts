import { afterAll, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { openDraft } from "../../../src/jobs/parts/s3-draft.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"

const folder = temporaryFolder()
afterAll(folder.remove)

test("a draft is read as often as needed, and its file has no name that a crash could leave", async () => {
  const draft = await openDraft(folder.path)
  const chunks = Array.from({ length: 5 }, () => crypto.getRandomValues(new Uint8Array(200_000)))
  for (const chunk of chunks) await draft.append(chunk)
  expect(readdirSync(folder.path)).toEqual([])
  expect(draft.size()).toBe(1_000_000)
  for (let time = 0; time < 2; time += 1) {
    const read: Uint8Array[] = []
    for await (const bytes of draft.read()) read.push(bytes.slice())
    expect(Buffer.concat(read).equals(Buffer.concat(chunks))).toBe(true)
  }
  await draft.close()
  await draft.close()
})

test("a folder for drafts that is not there is job_files_unavailable", async () => {
  await expect(openDraft(join(folder.path, "none"))).rejects.toMatchObject({ code: "job_files_unavailable" })
})
