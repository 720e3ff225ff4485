import { afterAll, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createCommandFolders } from "../support/command-folders.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

const pair = await startSandboxAndService({
  lists: [
    { name: "Newsletter", count: 1500 },
    { name: "Small", count: 200 },
  ],
  env: { FOLLOW_INTERVAL_S: "1" },
})
const { inNewFolder, remove } = createCommandFolders(pair)
const [, small = ""] = pair.listIds
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  remove()
})

/** Mounts a file system in memory. Undefined if this user may not. */
async function mountDisk(options: string) {
  const folder = temporaryFolder()
  const { exitCode } = await Bun.$`mount -t tmpfs -o ${options} tmpfs ${folder.path}`.quiet().nothrow()
  const end = async () => {
    if (exitCode === 0) await Bun.$`umount ${folder.path}`.quiet()
    folder.remove()
  }
  if (exitCode !== 0) {
    await end()
    return undefined
  }
  return {
    path: folder.path,
    rowsOf: (file: string) => readFileSync(join(folder.path, file), "utf8").split("\n").slice(0, -1),
    remount: (options: string) => Bun.$`mount -o remount,${options} ${folder.path}`.quiet(),
    [Symbol.asyncDispose]: end,
  }
}

const canMount = await mountDisk("size=1m").then(async (disk) => {
  await disk?.[Symbol.asyncDispose]()
  return disk !== undefined
})
const ifMounted = canMount ? "" : " (this user may not mount)"

async function requireDisk(options: string) {
  const disk = await mountDisk(options)
  if (!disk) throw new Error("Cannot mount a disk")
  return disk
}

test.each([
  ["a.ndjson", "it is a folder: choose another --out"],
  ["file/a.ndjson", "its folder is not a folder: choose another --out"],
  ["none/a.ndjson", "its folder does not exist: create it"],
])(
  "%s, which cannot be written, is exit code 1 before anything is requested",
  async (out, reason) => {
    const { run, files, makeFolder, write } = inNewFolder()
    makeFolder("a.ndjson")
    write("file", "")
    // Nothing answers there.
    const ended = await run(`pull --out ${out}`, { MAILCHIMP_EXPORT_URL: "http://127.0.0.1:9" })
    const stderr = `Cannot write ${out} because ${reason}\n`
    expect(ended).toEqual({ exitCode: 1, stdout: "", stderr })
    expect(files()).toEqual(["a.ndjson", "file"])
  },
  60_000,
)

test.skipIf(!canMount)(
  `a disk that is read-only is exit code 1${ifMounted}`,
  async () => {
    const { run } = inNewFolder()
    await using disk = await requireDisk("size=1m,ro")
    const out = join(disk.path, "a.ndjson")
    const stderr = `Cannot write ${out} because the disk is read-only: choose another --out\n`
    expect(await run(`pull --out ${out}`)).toEqual({ exitCode: 1, stdout: "", stderr })
  },
  60_000,
)

const isFull = "the disk is full: make room, then run the command again with --resume"

test.skipIf(!canMount)(
  `a disk that becomes full is exit code 1, and --resume continues after space is made${ifMounted}`,
  async () => {
    const { run } = inNewFolder()
    await using disk = await requireDisk("size=1m")
    const out = join(disk.path, "a.ndjson")
    expect(await run(`pull --out ${out} --list ${small}`)).toMatchObject({ exitCode: 0 })
    const before = disk.rowsOf("a.ndjson")
    const full = await run(`pull --out ${out}`)
    expect(full).toEqual({ exitCode: 1, stdout: "", stderr: `Cannot write ${out} because ${isFull}\n` })
    expect(disk.rowsOf("a.ndjson")).toEqual(before)
    await disk.remount("size=64m")
    expect(await run(`pull --out ${out} --resume`)).toMatchObject({ exitCode: 0 })
    expect(differenceOf(disk.rowsOf("a.ndjson"), pair.liveRows())).toEqual(noDifference)
    expect(readdirSync(disk.path).toSorted()).toEqual(["a.ndjson", "a.ndjson.state"])
  },
  60_000,
)

test.skipIf(!canMount)(
  `a disk that becomes full ends --follow with exit code 1 and whole lines, and --resume continues${ifMounted}`,
  async () => {
    const { start } = inNewFolder()
    await using disk = await requireDisk("size=1m")
    const out = join(disk.path, "a.ndjson")
    const filler = join(disk.path, "filler")
    const args = `pull --out ${out} --list ${small} --follow --quiet`
    const first = start(args)
    await until("the whole file", () => existsSync(out))
    // As much as there is room for.
    expect(() => writeFileSync(filler, Buffer.alloc(2 ** 20))).toThrow("ENOSPC")
    for (let added = 0; added < 20; added += 1) pair.sandbox.changes.addMember(small)
    const stderr = `Cannot write ${out} because ${isFull}\n`
    expect(await first.ended).toEqual({ exitCode: 1, stdout: "", stderr })
    expect(readFileSync(out, "utf8")).toEndWith("}\n")

    rmSync(filler)
    const second = start(`${args} --resume`)
    const isInSync = () => differenceOf(disk.rowsOf("a.ndjson"), pair.liveRows(small)).missing === 0
    await until("every member", isInSync)
    second.kill("SIGTERM")
    expect(await second.ended).toMatchObject({ exitCode: 130 })
    expect(differenceOf(disk.rowsOf("a.ndjson"), pair.liveRows(small))).toEqual(noDifference)
  },
  60_000,
)
