import { afterAll, expect, test } from "bun:test"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type FileOptions, openFileSink } from "../../../src/command/pull/file-sink.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"

const folder = temporaryFolder()
afterAll(() => folder.remove())

let files = 0
function inNewFolder() {
  files += 1
  mkdirSync(join(folder.path, String(files)))
  const out = join(folder.path, String(files), "a.csv")
  const clock = createVirtualClock()
  const notes: string[] = []
  return {
    out,
    clock,
    notes,
    textOf: (suffix = "") => readFileSync(out + suffix, "utf8"),
    open: (changes: Partial<FileOptions> = {}) =>
      openFileSink(
        {
          out,
          selection: "s",
          header: "h\n",
          isResumed: false,
          isIncrement: false,
          isBackground: false,
          ...changes,
        },
        clock,
        (sentence) => notes.push(sentence),
      ),
  }
}
const bytes = (text: string) => Buffer.from(text)

test("a file gets its name when it is complete", async () => {
  const { open, out, textOf } = inNewFolder()
  const sink = await open()
  await sink.write(bytes("1\n"))
  await sink.checkpoint({ cursor: "c1" }, 1)
  expect(existsSync(out)).toBe(false)
  expect(await sink.complete("end")).toBe(out)
  expect(textOf()).toBe("h\n1\n")
  expect(existsSync(`${out}.partial`)).toBe(false)
  expect(JSON.parse(textOf(".state"))).toEqual({ last: { selection: "s", cursor: "end", bytes: 4 } })
})

test("what was written after the last checkpoint is dropped, by abandon(), rewind(), and after a crash", async () => {
  const { open, textOf, clock, out } = inNewFolder()
  const first = await open()
  await first.write(bytes("1\n"))
  await first.checkpoint({ cursor: "c1" }, 1)
  await first.write(bytes("half"))
  await first.rewind()
  await first.write(bytes("half again"))
  await first.abandon()
  expect(textOf(".partial")).toBe("h\n1\n")

  const second = await open({ isResumed: true })
  expect([second.position.cursor, second.rows]).toEqual(["c1", 1])
  await clock.advance(1000)
  await second.write(bytes("2\n"))
  await second.checkpoint({ cursor: "c2" }, 2)
  // The process is killed in the middle of a write.
  writeFileSync(`${out}.partial`, "h\n1\n2\nhal")

  const third = await open({ isResumed: true })
  expect(third.position.cursor).toBe("c2")
  await third.write(bytes("3\n"))
  await third.complete("end")
  expect(textOf()).toBe("h\n1\n2\n3\n")
  // Closes its file, which the death of its process would have done.
  await second.abandon()
})

test("a run that was killed before the file got its name is finished by the next one", async () => {
  for (const isRenamed of [false, true]) {
    const { open, textOf, out } = inNewFolder()
    const unfinished = {
      selection: "s",
      header: "h\n",
      bytes: 4,
      rows: 1,
      cursor: "end",
      target: out,
      isComplete: true,
    }
    writeFileSync(isRenamed ? out : `${out}.partial`, "h\n1\n")
    writeFileSync(`${out}.state`, JSON.stringify({ unfinished }))
    const next = await open({ isIncrement: true, isResumed: true })
    expect(textOf()).toBe("h\n1\n")
    expect(next.position.cursor).toBe("end")
    await next.abandon()
  }
})

test("increments have files of their own, and never take a name twice", async () => {
  const { open, out } = inNewFolder()
  await (await open({ isIncrement: true })).complete("e1")
  const names = []
  for (const cursor of ["e2", "e3"]) {
    const sink = await open({ isIncrement: true })
    names.push(await sink.complete(cursor))
  }
  const base = out.replace(".csv", "-20240501T1200")
  expect(names).toEqual([`${base}00Z.csv`, `${base}01Z.csv`])
})

test("a run that failed before its first checkpoint leaves nothing; an interrupted increment is resumed under its name", async () => {
  const { open, out } = inNewFolder()
  await (await open()).abandon()
  expect(existsSync(`${out}.partial`)).toBe(false)
  expect(existsSync(`${out}.state`)).toBe(false)

  await (await open()).complete("e1")
  await (await open({ isIncrement: true })).abandon()
  const resumed = await open({ isIncrement: true, isResumed: true })
  expect(resumed.position.cursor).toBe("e1")
  expect(await resumed.complete("e2")).toEndWith("a-20240501T120000Z.csv")
})

test("other options, other columns, and a shorter or missing file are refused", async () => {
  const { open, out } = inNewFolder()
  const sink = await open()
  await sink.write(bytes("1\n"))
  await sink.checkpoint({ cursor: "c1" }, 1)
  await sink.abandon()
  const isResumed = true
  expect(open({ isResumed, selection: "other" })).rejects.toThrow("belongs to an export with other options")
  expect(open({ isResumed, header: "x\n" })).rejects.toThrow("the columns have changed")
  writeFileSync(`${out}.partial`, "h\n")
  expect(open({ isResumed })).rejects.toThrow("has 2 bytes instead of 4")
  rmSync(`${out}.partial`)
  expect(open({ isResumed })).rejects.toThrow(`${out}.partial is missing: run the command without --resume`)
})

test("an export that could be continued, and is not, starts anew and says so", async () => {
  const { open, notes } = inNewFolder()
  const sink = await open()
  await sink.checkpoint({ cursor: "c1" }, 1)
  await sink.abandon()
  const resumed = await open({ isResumed: true })
  expect(resumed.position.cursor).toBe("c1")
  await resumed.abandon()
  expect(notes).toEqual([])
  const anew = await open()
  expect(anew.position.cursor).toBeUndefined()
  await anew.abandon()
  expect(notes).toEqual([expect.stringMatching(/^Starting anew: .* --resume would have continued it$/)])
})
