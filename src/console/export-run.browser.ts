import type { MailchimpExportError } from "../client/error.ts"
import { type ExportOptions, toPath, toQuery } from "../client/export-options.ts"
import { send } from "../client/request.ts"
import type { EndLine, EventLine, ListErrorLine } from "../client/types.ts"
import { createCsvRowCounter } from "./csv-rows.ts"
import { button, h } from "./dom.browser.ts"
import { fetchExport } from "./fetch-export.ts"
import { holdBody } from "./hold-body.ts"
import { createMemberTable } from "./member-table.browser.ts"
import { problemBox, toShown } from "./problem.browser.ts"
import { createProgress, type Progress } from "./progress.ts"
import { type Block, membersOf, readExport, rowsByList } from "./read-export.ts"
import type { Run, RunOptions } from "./run.browser.ts"
import { createRunView, proofOf } from "./run-view.browser.ts"

/** Often enough to watch. More pictures would slow down an export from the same machine. */
const drawMs = 500
const repeatedWords =
  "The export was resumed, so some members came twice, and are counted twice. The last row of a member is right."

/** An export that runs at once: into the page, and into a file if there is one. */
export function createExportRun(options: RunOptions): Run {
  const { file, listNames, onReconnect } = options
  const view = createRunView(options.about)
  const table = createMemberTable(options.columns, listNames)
  const progress = createProgress(() => performance.now(), options.estimate)
  const readingOptions = { ...options, service: { ...options.service, fetch: fetchExport } }
  const reading =
    file?.format === "csv"
      ? createCsvReading(readingOptions, progress)
      : createReading(readingOptions, progress, table)
  let abort = new AbortController()
  let hasEnded = false
  let isReplaced = false

  const fail = (failure: unknown) => {
    if (isReplaced) return
    const error = toShown(failure, abort.signal)
    const saved = file === undefined ? "" : " Nothing is saved until it is whole."
    view.finish(
      error === undefined ? "Canceled" : "The export broke",
      progress.rows,
      ...(error === undefined ? [] : [problemBox(error)]),
      h("p", { className: "quiet" }, `The export stopped here.${saved}`),
    )
    const isLost = error?.code === "connection_invalidated"
    const canResume = !isLost && reading.canResume()
    view.showActions(...(isLost ? [reconnect(error)] : canResume ? [resume] : []))
    hasEnded = !canResume && !isLost
    if (!canResume) discard()
  }
  const discard = () => void file?.sink.discard().catch(() => {})
  const reconnect = (error: MailchimpExportError) =>
    button("Reconnect Mailchimp", { className: "main", onclick: () => onReconnect(error) })
  const run = async () => {
    abort = new AbortController()
    view.showActions(cancel)
    table.tellRest(0)
    const drawing = setInterval(() => view.draw(progress), drawMs)
    try {
      const outcome = await reading.read(abort.signal, (sentence) => view.note(sentence, progress.rows))
      await file?.sink.finish()
      view.draw(progress)
      view.fill(outcome.shortLists)
      view.finish(outcome.title, progress.rows, ...outcome.about)
      hasEnded = true
      view.showActions()
    } catch (failure) {
      fail(failure)
    } finally {
      clearInterval(drawing)
      table.tellRest(file?.format === "csv" ? 0 : progress.rows)
    }
  }
  const cancel = button("Cancel", { onclick: () => abort.abort() })
  const resume = button("Resume", {
    className: "main",
    onclick: () => {
      view.resume()
      void run()
    },
  })
  void run()
  return {
    element: h("div", {}, view.element, table.element),
    stop: () => {
      isReplaced = true
      abort.abort()
      // A browser may still copy a file that is whole.
      if (!hasEnded) discard()
    },
    hasEnded: () => hasEnded,
  }
}

type Outcome = {
  readonly title: string
  readonly about: readonly Node[]
  /** The ids of the lists from which members may be missing. */
  readonly shortLists: ReadonlySet<string>
}
type Reading = {
  read(signal: AbortSignal, onNote: (sentence: string) => void): Promise<Outcome>
  canResume(): boolean
}

/** Reads rows with the event lines between them, which prove completeness. Each call of `read` resumes. */
function createReading(
  { service, selection, file, listNames }: RunOptions,
  progress: Progress,
  table: ReturnType<typeof createMemberTable>,
): Reading {
  let cursor: string | undefined
  let isResumed = false
  const failures: ListErrorLine[] = []
  const needsRows = () => file !== undefined || table.room() > 0 || progress.lists.length > 1
  const take = async (block: Block) => {
    await file?.sink.write(block.bytes)
    const { rows } = block
    const counted = progress.lists.length > 1 ? rowsByList(block) : [{ listId: undefined, rows }]
    for (const { listId, rows } of counted) progress.add(rows, listId)
    if (table.room() > 0) table.append(membersOf(block, table.room()))
  }
  const note = (line: EventLine) => {
    progress.note(line)
    if ("cursor" in line) ({ cursor } = line)
    if (line.$export === "list_error") failures.push(line)
  }
  const toOutcome = (end: EndLine): Outcome => ({
    title: end.status === "complete" ? "Done" : "Done, but short",
    shortLists: new Set(end.lists.filter(({ short }) => short).map(({ id }) => id)),
    about: [
      proofOf(end, listNames),
      ...(isResumed ? [h("p", { className: "quiet" }, repeatedWords)] : []),
      ...failures.map(({ list_id, upstream }) => {
        const said = [upstream?.title, upstream?.detail].filter((text) => text !== undefined).join(": ")
        return h("p", {}, `${listNames.get(list_id) ?? list_id}: Mailchimp says: “${said || "nothing"}”`)
      }),
    ],
  })
  return {
    canResume: () => true,
    read: async (signal, onNote) => {
      const options: ExportOptions = { ...service, ...selection, cursor, signal }
      isResumed ||= cursor !== undefined
      const onRetry = () => {
        isResumed = true
        onNote("The transfer broke. Resuming by itself…")
      }
      for await (const { rows: blocks, line } of readExport({ ...options, onRetry, needsRows })) {
        for (const block of blocks) await take(block)
        note(line)
        if (line.$export === "end") return toOutcome(line)
      }
      throw new Error("The export ended without its end line")
    },
  }
}

/** Reads CSV, which ends normally only if every member was delivered, and cannot be resumed. */
function createCsvReading({ service, selection, file }: RunOptions, progress: Progress): Reading {
  const takeCsv = async (body: ReadableStream<Uint8Array>, signal: AbortSignal) => {
    const rowsIn = createCsvRowCounter()
    const held = holdBody(body)
    try {
      while (await held.fill()) {
        signal.throwIfAborted()
        progress.add(rowsIn(held.bytes), undefined)
        await file?.sink.write(held.bytes)
        held.remove(0, held.bytes.length)
      }
    } finally {
      await held.cancel()
    }
  }
  return {
    canResume: () => false,
    read: async (signal) => {
      const { events: _, ...query } = toQuery({ ...service, ...selection })
      const path = toPath({ ...service, ...selection })
      const { body } = await send(service, path, {
        // Without a byte order mark Excel garbles names.
        query: { ...query, format: "csv", bom: "true" },
        headers: { accept: "text/csv" },
        signal,
      })
      if (body !== null) await takeCsv(body, signal)
      signal.throwIfAborted()
      const proof = "Complete: every member that you chose is in the file."
      return { title: "Saved", about: [h("p", { className: "good" }, proof)], shortLists: new Set() }
    },
  }
}
