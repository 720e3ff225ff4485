import { expect, test } from "bun:test"
import { behind, createBacklog } from "../../src/follow/backlog.ts"

const { signal } = new AbortController()
const item = (bytes: number, cursor?: string) => ({ bytes: new Uint8Array(bytes), cursor })

test("every reader gets what was pushed after it was attached, in order", async () => {
  const backlog = createBacklog()
  const first = backlog.attach(signal)
  backlog.push(item(1))
  const second = backlog.attach(signal)
  backlog.push(item(2, "c"))
  expect((await first.next()).bytes.length).toBe(1)
  expect((await first.next()).cursor).toBe("c")
  expect((await second.next()).cursor).toBe("c")
  const waiting = second.next()
  backlog.push(item(3))
  expect((await waiting).bytes.length).toBe(3)
})

test("a reader that is four megabytes behind another one learns it, and holds nobody up", async () => {
  const backlog = createBacklog()
  const fast = backlog.attach(signal)
  const slow = backlog.attach(signal)
  for (let megabyte = 0; megabyte < 5; megabyte += 1) {
    await backlog.room(signal)
    backlog.push(item(2 ** 20))
    await fast.next()
  }
  expect(await slow.next()).toBe(behind)
})

test("there is room again when the fastest reader has read, or has left", async () => {
  for (const how of ["read", "leave"] as const) {
    const backlog = createBacklog()
    const reader = backlog.attach(signal)
    backlog.push(item(2 ** 20 + 1))
    let hasRoom = false
    const room = backlog.room(signal).then(() => (hasRoom = true))
    await Bun.sleep(1)
    expect(hasRoom).toBe(false)
    if (how === "read") await reader.next()
    else reader.leave()
    await room
  }
})

test("an error comes after what was pushed before it, for every reader; a wait ends with the signal", async () => {
  const backlog = createBacklog()
  const reader = backlog.attach(signal)
  const leaving = new AbortController()
  const waiting = backlog.attach(leaving.signal).next()
  leaving.abort(new Error("left"))
  expect(waiting).rejects.toThrow("left")
  backlog.push(item(1))
  backlog.fail(new Error("broken"))
  expect((await reader.next()).bytes.length).toBe(1)
  expect(reader.next()).rejects.toThrow("broken")
  expect(backlog.attach(signal).next()).rejects.toThrow("broken")
})

test("what every reader has taken, or has left without, is not kept", async () => {
  const backlog = createBacklog()
  const stays = backlog.attach(signal)
  const leaves = backlog.attach(signal)
  const kept = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const pushed = item(1000)
      backlog.push(pushed)
      await stays.next()
      return new WeakRef(pushed.bytes)
    }),
  )
  const keptNow = async () => {
    // A weak reference is not cleared in the turn in which it was made or read.
    await Bun.sleep(1)
    Bun.gc(true)
    return kept.filter((bytes) => bytes.deref() !== undefined).length
  }
  expect(await keptNow()).toBe(100)
  for (let taken = 0; taken < 40; taken += 1) await leaves.next()
  expect(await keptNow()).toBeLessThan(70)
  leaves.leave()
  expect(await keptNow()).toBeLessThan(10)
})
