import type { Account } from "../connections/open-account.ts"
import { type Clock, systemClock } from "../lib/clock.ts"
import type { MailchimpClient } from "../mailchimp/client.ts"
import { listLists, readList, readMergeFields } from "../mailchimp/lists.ts"
import { createMembersReader } from "../mailchimp/members.ts"
import { requireMergeTags, type Selection, toFieldsQuery } from "./selection.ts"
import type { Page, Source } from "./source.ts"
import { splitMembers } from "./split-members.ts"
import { type ExportEvent, type FormatName, openExport } from "./stream-export.ts"

/** What to export, from which account, and how to write it. */
type ExportRequest = {
  /** Disposed of when the export ends, however it ends. */
  readonly account: Account
  /** One list; none for all of them. */
  readonly listId: string | undefined
  readonly selection: Selection
  readonly format: FormatName
  /** Aborts when the consumer has left. */
  readonly signal: AbortSignal
  readonly onEvent?: ((event: ExportEvent) => void) | undefined
}

/**
 * Resolves to the bytes of an export once its first page was read, so that an early failure can be told by a status of
 * its own. The bytes must be read, or the signal aborted.
 */
export type StartExport = (request: ExportRequest) => Promise<AsyncGenerator<Uint8Array>>

export type StartExportOptions = {
  /** Members to ask for in one request. */
  readonly pageSize: number
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  readonly clock?: Clock
}

/** How long Mailchimp is asked again before there is an answer: as long as a person, or a proxy, would wait. */
const beforeAnswerMs = 30_000

/** Exports the members of an account's lists. */
export function createStartExport({
  pageSize,
  marginS,
  clock = systemClock,
}: StartExportOptions): StartExport {
  return async ({ account, listId, selection, format, signal, onEvent }) => {
    const { client } = account
    const startedMs = clock.monotonicMs()
    let hasAnswered = false
    const deadlineMs = () =>
      hasAnswered ? undefined : Math.max(0, beforeAnswerMs - (clock.monotonicMs() - startedMs))

    const release = () => {
      signal.removeEventListener("abort", release)
      account[Symbol.dispose]()
    }
    try {
      const listIds = await readListIds(client, listId, { signal, deadlineMs: deadlineMs() })
      await requireMergeTags(selection, listIds, async (listId) => {
        const fields = await readMergeFields(client, listId, { signal, deadlineMs: deadlineMs() })
        return fields.map(({ tag }) => tag)
      })
      const source = createSource(account, selection, { pageSize, deadlineMs })
      const bytes = await openExport({
        listIds,
        selection,
        format,
        source,
        marginS,
        signal,
        onEvent: onEvent ?? (() => {}),
        clock,
      })
      hasAnswered = true
      // A generator that is never run never ends: a consumer may have left before its first byte.
      signal.addEventListener("abort", release, { once: true })
      return finallyDo(bytes, release)
    } catch (error) {
      release()
      throw error
    }
  }
}

async function readListIds(
  client: MailchimpClient,
  listId: string | undefined,
  options: { signal: AbortSignal; deadlineMs: number | undefined },
): Promise<string[]> {
  if (listId !== undefined) return [(await readList(client, listId, options)).id]
  const lists = await Array.fromAsync(listLists(client, options))
  return lists.map(({ id }) => id)
}

/** Mailchimp as the scan wants it: the selection asked for, the answers split into their rows. */
function createSource(
  { client, spare }: Account,
  selection: Selection,
  options: { pageSize: number; deadlineMs: () => number | undefined },
): Source {
  const { without, ...fields } = toFieldsQuery(selection)
  const reader = createMembersReader<Page>(client, {
    ...options,
    ...fields,
    parsePage: (body, { count, offset, askedAt }) => ({
      ...splitMembers(body, { count, offset, without }),
      count,
      askedAt,
    }),
  })
  return { ...reader, spare }
}

async function* finallyDo(bytes: AsyncGenerator<Uint8Array>, done: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } finally {
    done()
  }
}
