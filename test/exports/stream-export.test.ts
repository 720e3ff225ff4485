import { describe, expect, test } from "bun:test"
import { parse } from "papaparse"
import { AppError } from "../../src/errors.ts"
import type { StreamEnd, StreamEvent } from "../../src/exports/export-event.ts"
import { csv } from "../../src/exports/formats/csv.ts"
import { formats } from "../../src/exports/formats/formats.ts"
import type { Format } from "../../src/exports/formats/format.ts"
import { createJson, json } from "../../src/exports/formats/json.ts"
import { ndjson } from "../../src/exports/formats/ndjson.ts"
import { parseSelection } from "../../src/exports/selection.ts"
import { type ExportOptions, openExport } from "../../src/exports/stream-export.ts"
import { createLentChunk } from "../../src/lib/lent-chunk.ts"
import { type Clock, systemClock } from "../../src/lib/time.ts"
import { createCountedSignal } from "../support/counted-signal.ts"
import { plainInput } from "../support/csv-lists.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"
import { createFailingSource, createTestSource, memberOf, membersOf } from "../support/members.ts"

const listIds = ["a", "none", "b"]
const lists = { a: membersOf(25), none: [], b: membersOf(3) }
const all = [...lists.a, ...lists.b]
const failure = new AppError("mailchimp_error", "Cannot read the members because Mailchimp failed: list a")

function open(options: Partial<ExportOptions> = {}) {
  return openExport({
    lists: listIds.map((id) => ({ id })),
    selection: parseSelection({}),
    format: ndjson,
    encoderInput: plainInput,
    source: createTestSource(lists, { pageSize: 10 }),
    marginS: 10,
    signal: new AbortController().signal,
    ...options,
  })
}

async function textOf(stream: AsyncGenerator<Uint8Array>): Promise<string> {
  return new Response(stream).text()
}

function parseLine(line: string): unknown {
  return JSON.parse(line)
}

/** Selects what the tests look at, because a format of columns has no others. */
function selectionOf(format: Format) {
  return parseSelection(
    format === csv ? { fields: ["id", "email_address", "last_changed", "full_name"] } : {},
  )
}

function rowsOf(text: string, format: Format): unknown[] {
  if (format === json) return JSON.parse(text).data
  if (format === csv) return parse(text, { header: true, skipEmptyLines: true }).data
  return text.trim().split("\n").map(parseLine)
}

function failingAt(n: number) {
  return createFailingSource(lists, n, failure)
}

/** Keep-alives never become due; the pause before a reset takes no time. */
const withoutPause: Clock = {
  ...systemClock,
  sleep: async (ms, signal) => (ms === 500 ? undefined : systemClock.sleep(ms, signal)),
}

describe("openExport()", () => {
  test("writes every member of every list as a line", async () => {
    expect(await textOf(await open())).toBe(all.map((member) => `${JSON.stringify(member)}\n`).join(""))
  })

  test("writes the JSON envelope", async () => {
    const text = await textOf(await open({ format: json }))
    expect(JSON.parse(text)).toEqual({ success: true, message: "Success", data: all })
  })

  test("writes an empty document for no lists and for empty lists", async () => {
    expect(await textOf(await open({ lists: [] }))).toBe("")
    expect(await textOf(await open({ lists: [{ id: "none" }] }))).toBe("")
    expect(JSON.parse(await textOf(await open({ lists: [], format: json })))).toMatchObject({ data: [] })
  })

  test.each(formats)(
    "releases each page's memory if it lends its chunks, and otherwise keeps the chunks valid: %s",
    async (format) => {
      for (const lendsChunks of [true, false]) {
        const lent = lendsChunks ? createLentChunk() : undefined
        const bodies: Uint8Array[] = []
        const many = membersOf(1000, { full_name: "x".repeat(100) })
        const source = createTestSource(
          { many },
          {
            pageSize: 400,
            response: (_query, _signal, response) => {
              const page = response()
              bodies.push(page.bytes(0, page.length))
              return page
            },
          },
        )
        const selection = selectionOf(format)
        const stream = await open({ lists: [{ id: "many" }], source, format, selection, lent })
        const chunks: Uint8Array[] = []
        for await (const chunk of stream) chunks.push(lendsChunks ? Buffer.from(chunk) : chunk)
        expect(bodies.every(({ length }) => length === 0)).toBe(lendsChunks)
        const text = Buffer.concat(chunks).toString()
        const key = (row: unknown) => Object.entries(Object(row)).toSorted()
        expect(rowsOf(text, format).map(key)).toEqual(many.map(key))
      }
    },
  )

  test("releases a page as soon as its consumer says that it has copied the last chunk", async () => {
    const many = membersOf(10)
    const bodies: Uint8Array[] = []
    const source = createTestSource(
      { many },
      {
        pageSize: 10,
        response: (_query, _signal, response) => {
          const page = response()
          bodies.push(page.bytes(0, page.length))
          return page
        },
      },
    )
    const lent = createLentChunk()
    const stream = await open({ lists: [{ id: "many" }], source, lent })
    const { value } = await stream.next()
    const [body] = bodies
    expect(value?.length).toBeGreaterThan(0)
    expect(body?.length).toBeGreaterThan(0)
    lent.copied()
    expect(body?.length).toBe(0)
    await stream.return(undefined)
  })

  test("lends chunks to Bun's server as long as it needs them, however slow the reader is", async () => {
    const many = membersOf(20_000, { note: "x".repeat(1000) })
    const expected = many.map((member) => `${JSON.stringify(member)}\n`).join("")
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async () => {
        const source = createTestSource({ many })
        return new Response(await open({ lists: [{ id: "many" }], source, lent: createLentChunk() }))
      },
    })
    try {
      const readAtPace = async (pauseEveryBytes: number) => {
        const parts: Uint8Array[] = []
        let untilPause = pauseEveryBytes
        for await (const part of (await fetch(server.url)).body ?? []) {
          parts.push(part)
          untilPause -= part.length
          if (untilPause > 0) continue
          untilPause = pauseEveryBytes
          await Bun.sleep(2)
        }
        return Buffer.concat(parts).toString() === expected
      }
      const paces = await Promise.all([Infinity, 4_000_000, 500_000, 100_000].map(readAtPace))
      expect(paces).toEqual([true, true, true, true])
    } finally {
      await server.stop(true)
    }
  })

  test("writes a slice if count or offset is selected", async () => {
    const text = await textOf(
      await open({ selection: parseSelection({ offset: 24, count: 2 }), format: json }),
    )
    expect(JSON.parse(text).data).toEqual(all.slice(24, 26))
  })

  test("reads the first page before it resolves, and then at most one page ahead of the consumer", async () => {
    const source = createTestSource(lists, { pageSize: 5 })
    let written = 0
    const stream = await open({ source, onEvent: ({ type }) => (written += type === "page" ? 1 : 0) })
    const ahead: number[] = [source.queries.length]
    for await (const _chunk of stream) {
      // Long enough for pages that nobody pulled to arrive.
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
      // One of the requested pages is being written.
      ahead.push(source.queries.length - written - 1)
    }
    expect(ahead.length).toBeGreaterThan(5)
    expect(ahead[0]).toBe(2)
    expect(Math.max(...ahead.slice(1))).toBe(1)
  })

  test("requests nothing while the consumer does not read, however many requests could start", async () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`l${index}`, membersOf(50)]))
    const source = { ...createTestSource(many, { pageSize: 5 }), spare: () => 3 }
    const stream = await open({ source, lists: Object.keys(many).map((id) => ({ id })) })
    const requested: number[] = []
    for (let pulled = 0; pulled < 10; pulled += 1) {
      await stream.next()
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
      requested.push(source.queries.length)
    }
    // At most as many as could start when the page before was pulled.
    const grown = requested.map((count, index) => count - (requested[index - 1] ?? 0))
    expect(Math.max(...grown.slice(1))).toBeLessThanOrEqual(4)
    expect(requested.at(-1)).toBeLessThan(60)
    await stream.return(undefined)
  })

  test("rejects with a failure of the first page, and sends no more requests", async () => {
    const source = failingAt(1)
    await expect(open({ source })).rejects.toBe(failure)
    expect(source.queries.length).toBe(1)
  })

  test.each(formats)("truncates the transfer of $name when a later page fails", async (format) => {
    const events: (StreamEnd | StreamEvent)[] = []
    const waited: number[] = []
    // Keep-alives never become due; the pause before the reset takes no time.
    const clock: Clock = {
      ...systemClock,
      sleep: async (ms, signal) => {
        if (ms !== 500) return systemClock.sleep(ms, signal)
        waited.push(ms)
      },
    }
    const stream = await open({
      source: failingAt(3),
      format,
      selection: selectionOf(format),
      clock,
      onEvent: (event) => events.push(event),
      onEnd: (end) => events.push(end),
    })
    const chunks: Uint8Array[] = []
    const run = async () => {
      for await (const chunk of stream) chunks.push(chunk)
    }
    await expect(run()).rejects.toBe(failure)
    const text = Buffer.concat(chunks).toString()
    // The last row is complete, although the document is not.
    expect(text).toEndWith(format === json ? "}" : "\n")
    expect(text).toContain("19@example.com")
    if (format === json) expect(() => JSON.parse(text)).toThrow()
    expect(waited).toEqual([500])
    expect(events.at(-1)).toEqual({ type: "failed", rows: 19, bytes: expect.any(Number), error: failure })
  })

  test.each(formats)(
    "fails after every available row if Mailchimp hides a row of a list: $name",
    async (format) => {
      const events: (StreamEnd | StreamEvent)[] = []
      const hidden = [...lists.b, memberOf(4, { isHidden: true })]
      const source = createTestSource({ ...lists, b: hidden }, { pageSize: 10 })
      const stream = await open({
        source,
        format,
        selection: selectionOf(format),
        clock: withoutPause,
        onEvent: (event) => events.push(event),
        onEnd: (end) => events.push(end),
      })
      const chunks: Uint8Array[] = []
      const run = async () => {
        for await (const chunk of stream) chunks.push(chunk)
      }
      await expect(run()).rejects.toMatchObject({
        code: "mailchimp_error",
        detail: "The export may be incomplete: Mailchimp's counts and rows disagree for list b",
      })
      const text = Buffer.concat(chunks).toString()
      for (const { id } of all) expect(text).toContain(id)
      if (format === json) expect(() => JSON.parse(text)).toThrow()
      expect(events.at(-1)).toMatchObject({ type: "failed" })
    },
  )

  test("stops reading at once when the consumer leaves in the middle of a page", async () => {
    const events: (StreamEnd | StreamEvent)[] = []
    const consumer = new AbortController()
    const requested: AbortSignal[] = []
    const source = createTestSource(lists, {
      pageSize: 10,
      response: (_query, signal, response) => {
        requested.push(signal)
        if (requested.length < 2) return response()
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true })
        })
      },
    })
    const stream = await open({
      source,
      signal: consumer.signal,
      onEvent: (event) => events.push(event),
      onEnd: (end) => events.push(end),
    })
    await stream.next()
    const next = stream.next()
    consumer.abort(new Error("The consumer left"))
    await expect(next).rejects.toThrow("The consumer left")
    expect(requested.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(events.at(-1)).toEqual({ type: "left", rows: 10, bytes: expect.any(Number) })
    expect((await stream.next()).done).toBe(true)
  })

  test("stops reading when the generator is closed, even if it never started", async () => {
    for (const started of [true, false]) {
      const consumer = new AbortController()
      const requested: AbortSignal[] = []
      const source = createTestSource(lists, {
        pageSize: 10,
        response: (_query, signal, response) => {
          requested.push(signal)
          return response()
        },
      })
      const stream = await open({ source, signal: consumer.signal })
      if (started) {
        await stream.next()
        await stream.return(undefined)
      } else consumer.abort()
      expect(requested.at(-1)?.aborted).toBe(true)
      expect(requested.length).toBe(2)
    }
  })

  test("does not start if the consumer has already left", async () => {
    const source = createTestSource(lists)
    await expect(open({ source, signal: AbortSignal.abort(new Error("gone")) })).rejects.toThrow("gone")
    expect(source.queries).toEqual([])
  })

  test("stops the first pages of the other lists when one of them cannot be read", async () => {
    const requested: AbortSignal[] = []
    const source = createTestSource(lists, {
      response: ({ listId }, signal) => {
        requested.push(signal)
        if (listId === "b") throw failure
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason), { once: true })
        })
      },
    })
    await expect(open({ source: { ...source, spare: () => 9 } })).rejects.toBe(failure)
    expect(requested.map(({ aborted }) => aborted)).toEqual([true, true, true])
  })

  test("fails like any other error when it is aborted, even before it started", async () => {
    const events: (StreamEnd | StreamEvent)[] = []
    const split = new AbortController()
    const options = { shutdownSignal: split.signal, clock: withoutPause }
    const stream = await open({
      ...options,
      onEvent: (event) => events.push(event),
      onEnd: (end) => events.push(end),
    })
    await stream.next()
    split.abort(failure)
    await expect(textOf(stream)).rejects.toBe(failure)
    expect(events.at(-1)).toMatchObject({ type: "failed", error: failure })

    const source = createTestSource(lists)
    await expect(open({ ...options, source })).rejects.toBe(failure)
    expect(source.queries).toEqual([])
  })

  test("leaves no listener on the signal that aborts all exports, however it ends", async () => {
    const { signal, listeners } = createCountedSignal()
    const consumer = new AbortController()

    const left = await open({ shutdownSignal: signal, signal: consumer.signal })
    expect(listeners()).toBe(1)
    consumer.abort()
    expect(listeners()).toBe(0)
    await left.return(undefined)

    await textOf(await open({ shutdownSignal: signal }))
    expect(listeners()).toBe(0)

    await expect(open({ shutdownSignal: signal, source: failingAt(1) })).rejects.toBe(failure)
    expect(listeners()).toBe(0)
  })

  test("sends keep-alives while it waits for Mailchimp", async () => {
    const { promise: responded, resolve: respond } = Promise.withResolvers<void>()
    const clock = { ...systemClock, sleep: async () => {} }
    let requested = 0
    const source = createTestSource(lists, {
      pageSize: 10,
      response: async (_query, _signal, page) => {
        if (++requested === 2) await responded
        return page()
      },
    })
    const stream = await open({ source, clock })
    const first = Buffer.from((await stream.next()).value ?? []).toString()
    expect(Buffer.from((await stream.next()).value ?? []).toString()).toBe(" ")
    respond()
    const rest = await textOf(stream)
    const lines = (first + rest).trimEnd().split("\n")
    expect(lines.map((line) => JSON.parse(line))).toEqual(all)
  })

  describe("before the first row", () => {
    /** An export of lists without rows, whose pages from the third on take this long. */
    async function openSlow(pageMs: number, options: Partial<ExportOptions> = {}) {
      const clock = createVirtualClock()
      let requested = 0
      const source = createTestSource(
        {},
        {
          response: async (_query, signal, response) => {
            requested += 1
            if (requested > 2) await clock.sleep(pageMs, signal)
            return response()
          },
        },
      )
      const none = Array.from({ length: 20 }, (_, index) => ({ id: `none-${index}` }))
      const stream = await open({ lists: none, source, clock, ...options })
      const chunks: { readonly atMs: number; readonly text: string }[] = []
      const reading = (async () => {
        for await (const chunk of stream)
          chunks.push({ atMs: clock.monotonicMs(), text: Buffer.from(chunk).toString() })
      })()
      return { clock, chunks, reading }
    }

    test("NDJSON begins with an empty line after two seconds, and then sends one every ten seconds", async () => {
      const { clock, chunks, reading } = await openSlow(25_000)
      await clock.advance(1999)
      expect(chunks).toEqual([])
      await clock.advance(22_000)
      expect(chunks).toEqual([2000, 12_000, 22_000].map((atMs) => ({ atMs, text: "\n" })))
      await clock.settle(reading)
    })

    test("pages without rows do not delay the first bytes, however many arrive", async () => {
      const { clock, chunks, reading } = await openSlow(600)
      await clock.settle(reading)
      expect(chunks).toEqual([2000].map((atMs) => ({ atMs, text: "\n" })))
    })

    test("the JSON envelope begins at once, and continues with spaces", async () => {
      const { clock, chunks, reading } = await openSlow(4000, { format: json })
      await clock.settle(reading)
      expect(chunks[0]).toEqual({ atMs: 0, text: '{"success":true,"message":"Success","data":[' })
      expect(chunks.slice(1, 4)).toEqual([10_000, 20_000, 30_000].map((atMs) => ({ atMs, text: " " })))
      expect(JSON.parse(chunks.map(({ text }) => text).join(""))).toMatchObject({ data: [] })
    })

    test("event lines begin with the start at once", async () => {
      const events = {
        exportId: "e1",
        selectionId: "s1",
        sealCursor: async () => "c",
        waitingFor: () => undefined,
      }
      const { clock, chunks, reading } = await openSlow(25_000, { events })
      await clock.advance(0)
      expect(chunks.map(({ text }) => JSON.parse(text))).toMatchObject([{ $export: "start" }])
      await clock.advance(10_000)
      expect(JSON.parse(chunks[1]?.text ?? "")).toMatchObject({ $export: "progress", rows: 0 })
      await clock.settle(reading)
    })

    test("a format that takes long to prepare its start is kept alive with its own bytes meanwhile", async () => {
      const clock = createVirtualClock()
      const format: Format = {
        ...json,
        createEncoder: () => ({
          ...createJson(),
          ready: clock.sleep(25_000),
          start: () => Buffer.from("[header]"),
          keepAlive: () => Buffer.from("+"),
        }),
      }
      const source = createTestSource({ a: membersOf(2) })
      const text = open({ lists: [{ id: "a" }], source, clock, format }).then(textOf)
      expect(await clock.settle(text)).toMatch(/^\+{3}\[header\]\{.*\}\]\}\n$/)
    })

    test("an export that ends within two seconds is empty", async () => {
      const { clock, chunks, reading } = await openSlow(1)
      await clock.settle(reading)
      expect(chunks).toEqual([])
    })
  })

  test("writes each page at once", async () => {
    const large = { a: membersOf(400, { note: "x".repeat(1000) }) }
    const stream = await open({ lists: [{ id: "a" }], source: createTestSource(large, { pageSize: 300 }) })
    const rows = (chunk: Uint8Array) => Buffer.from(chunk).toString().match(/\{/g)?.length ?? 0
    expect((await Array.fromAsync(stream)).map(rows)).toEqual([300, 100, 0])
  })

  test("reports pages, lists and the end", async () => {
    const events: (StreamEnd | StreamEvent)[] = []
    await textOf(await open({ onEvent: (event) => events.push(event), onEnd: (end) => events.push(end) }))
    expect(events.filter(({ type }) => type === "page").length).toBe(5)
    expect(events.filter(({ type }) => type === "list")).toEqual([
      {
        type: "list",
        listId: "a",
        rows: 25,
        totalItems: 25,
        asOf: 1_999_999_989,
        isShort: false,
        countDiffers: 0,
        isReadAgain: false,
        hasOddSince: false,
        hasDatedAhead: false,
      },
      {
        type: "list",
        listId: "none",
        rows: 0,
        totalItems: 0,
        asOf: 1_999_999_989,
        isShort: false,
        countDiffers: 0,
        isReadAgain: false,
        hasOddSince: false,
        hasDatedAhead: false,
      },
      {
        type: "list",
        listId: "b",
        rows: 3,
        totalItems: 3,
        asOf: 1_999_999_989,
        isShort: false,
        countDiffers: 0,
        isReadAgain: false,
        hasOddSince: false,
        hasDatedAhead: false,
      },
    ])
    expect(events.at(-1)).toEqual({
      type: "completed",
      rows: 28,
      bytes: expect.any(Number),
      shortLists: [],
    })
  })
})
