import { expect, test } from "bun:test"
import { behind, createBacklog } from "../../src/follow/backlog.ts"

const { signal } = new AbortController()
const item = (bytes: number, cursor?: string) => ({ bytes: new Uint8Array(bytes), cursor })

test("every reader gets what was pushed after it was attached, in order", async () => {
  const backlog = createBacklog()
  const first = backlog.attach()
  backlog.push(item(1))
  const second = backlog.attach()
  backlog.push(item(2, "c"))
  expect((await first.next(signal)).bytes.length).toBe(1)
  expect((await first.next(signal)).cursor).toBe("c")
  expect((await second.next(signal)).cursor).toBe("c")
  const waiting = second.next(signal)
  backlog.push(item(3))
  expect((await waiting).bytes.length).toBe(3)
})

test("a reader that is four megabytes behind another one learns it, and holds nobody up", async () => {
  const backlog = createBacklog()
  const fast = backlog.attach()
  const slow = backlog.attach()
  for (let megabyte = 0; megabyte < 5; megabyte += 1) {
    await backlog.room(signal)
    backlog.push(item(2 ** 20))
    await fast.next(signal)
  }
  expect(await slow.next(signal)).toBe(behind)
})

test("there is room again when the fastest reader has read, or has left", async () => {
  for (const how of ["read", "leave"] as const) {
    const backlog = createBacklog()
    const reader = backlog.attach()
    backlog.push(item(2 ** 20 + 1))
    let hasRoom = false
    const room = backlog.room(signal).then(() => (hasRoom = true))
    await Bun.sleep(1)
    expect(hasRoom).toBe(false)
    if (how === "read") await reader.next(signal)
    else reader.leave()
    await room
  }
})

test("an error comes after what was pushed before it, for every reader; a wait ends with the signal", async () => {
  const backlog = createBacklog()
  const reader = backlog.attach()
  const leaving = new AbortController()
  const waiting = reader.next(leaving.signal)
  leaving.abort(new Error("left"))
  expect(waiting).rejects.toThrow("left")
  backlog.push(item(1))
  backlog.fail(new Error("broken"))
  expect((await reader.next(signal)).bytes.length).toBe(1)
  expect(reader.next(signal)).rejects.toThrow("broken")
  expect(backlog.attach().next(signal)).rejects.toThrow("broken")
})
