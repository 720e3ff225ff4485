import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import { createProcessLock } from "../../../src/storage/sqlite/process-lock.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"

const folder = temporaryFolder()
afterAll(folder.remove)

const module = join(import.meta.dir, "../../../src/storage/sqlite/process-lock.ts")

/** Another process that tries to take the lock, says whether it has it, and keeps it until it is killed. */
async function startHolder(path: string) {
  const script = `import { createProcessLock } from ${JSON.stringify(module)}; const lock = createProcessLock(${JSON.stringify(path)}); console.log(lock.acquire()); setInterval(() => lock.acquire(), 1000)`
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" })
  const { value } = await child.stdout.getReader().read()
  return {
    hasLock: new TextDecoder().decode(value).trim() === "true",
    kill: async () => {
      child.kill("SIGKILL")
      await child.exited
    },
  }
}

test("one lock of several has the file, until it is released", () => {
  const path = join(folder.path, "one")
  const [first, second] = [createProcessLock(path), createProcessLock(path)]
  expect([first.acquire(), first.acquire(), second.acquire()]).toEqual([true, true, false])
  second.release()
  expect(second.acquire()).toBe(false)
  first.release()
  expect([second.acquire(), first.acquire()]).toEqual([true, false])
  second.release()
})

test("another process has the lock until it is killed (-9)", async () => {
  const path = join(folder.path, "two")
  const lock = createProcessLock(path)
  const holder = await startHolder(path)
  expect([holder.hasLock, lock.acquire()]).toEqual([true, false])
  await holder.kill()
  expect(lock.acquire()).toBe(true)
  const late = await startHolder(path)
  expect(late.hasLock).toBe(false)
  await late.kill()
  lock.release()
})
