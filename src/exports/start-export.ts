import type { Account } from "../connections/open-account.ts"
import { type Clock, systemClock } from "../lib/clock.ts"
import type { MailchimpClient } from "../mailchimp/client.ts"
import { readInterests } from "../mailchimp/lists/interests.ts"
import { type MailchimpList, listLists, readList, readMergeFields } from "../mailchimp/lists/lists.ts"
import { createMembersReader } from "../mailchimp/members/read-members.ts"
import type { Sealer } from "../sealer.ts"
import type { ExportList } from "./event-lines.ts"
import { createExpectedRows } from "./expected-rows.ts"
import { createJudgeError, isListError } from "./judge-error.ts"
import { createSealedCursors } from "./sealed-cursor.ts"
import { requireListFields, type Selection, selectionId, toFieldsQuery } from "./selection.ts"
import type { Page, Source } from "../scan/source.ts"
import { splitMembers } from "../mailchimp/members/split-members.ts"
import { type ExportEvent, type FormatName, openExport } from "./stream-export.ts"

/** What to export, from which account, and how to write it. */
type ExportRequest = {
  /** Disposed of when the export ends, however it ends. */
  readonly account: Account
  /** One list; none for all of them. */
  readonly listId: string | undefined
  readonly selection: Selection
  readonly format: FormatName
  /** Goes on where another export was broken off, or ended: a text of its checkpoint, error or end. */
  readonly cursor?: string | undefined
  /** Names the export in its event lines; without it there are none. Only with NDJSON, and not for a slice. */
  readonly eventsId?: string | undefined
  /** Aborts when the consumer has left. */
  readonly signal: AbortSignal
  /** The consumer has copied a chunk when he asks for the next one: see {@link ExportOptions}. */
  readonly lendsChunks?: boolean
  readonly onEvent?: ((event: ExportEvent) => void) | undefined
}

/**
 * Resolves to the bytes of an export once its first page was read, so that an early failure can be told by a status of
 * its own. The bytes must be read, or the signal aborted.
 */
export type StartExport = (request: ExportRequest) => Promise<AsyncGenerator<Uint8Array>>

export type StartExportOptions = {
  /** Seals the cursors. */
  readonly sealer: Sealer
  /** Members to ask for in one request. */
  readonly pageSize: number
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Aborts when all exports are to be broken off: see {@link ExportOptions}. */
  readonly cutSignal?: AbortSignal
  readonly clock?: Clock
}

/** How long Mailchimp is asked again before there is an answer: as long as a person, or a proxy, would wait. */
export const beforeAnswerMs = 30_000

/** Rejects as an export with that cursor would, without a request to Mailchimp. */
export type CheckCursor = (
  connectionId: string,
  request: Pick<ExportRequest, "cursor" | "selection" | "listId">,
) => Promise<void>

export function createCheckCursor(sealer: Sealer): CheckCursor {
  return async (connectionId, { cursor, selection, listId }) => {
    if (cursor === undefined) return
    await createSealedCursors(sealer, connectionId).open(cursor, selectionId(selection, listId))
  }
}

/** Exports the members of an account's lists. */
export function createStartExport({
  sealer,
  pageSize,
  marginS,
  cutSignal,
  clock = systemClock,
}: StartExportOptions): StartExport {
  return async ({ account, listId, selection, format, cursor, eventsId, signal, lendsChunks, onEvent }) => {
    const { client, connection, waitingFor } = account
    const cursors = createSealedCursors(sealer, connection.id)
    const id = selectionId(selection, listId)
    const startedMs = clock.monotonicMs()
    let hasAnswered = false
    const deadlineMs = () =>
      hasAnswered ? undefined : Math.max(0, beforeAnswerMs - (clock.monotonicMs() - startedMs))

    const release = () => {
      signal.removeEventListener("abort", release)
      account[Symbol.dispose]()
    }
    try {
      const from = cursor === undefined ? undefined : await cursors.open(cursor, id)
      const lists = await readLists(client, listId, { signal, deadlineMs: deadlineMs() })
      const listIds = lists.map(({ id }) => id)
      // If one of many lists cannot be read, the export says so itself, and the others are exported.
      const noneIfOneOfMany = (error: unknown) => {
        if (listId === undefined && isListError(error)) return []
        throw error
      }
      const options = () => ({ signal, deadlineMs: deadlineMs() })
      await requireListFields(selection, listIds, {
        readTags: async (id) =>
          (await readMergeFields(client, id, options()).catch(noneIfOneOfMany)).map(({ tag }) => tag),
        readInterestIds: async (id) =>
          (await readInterests(client, id, options()).catch(noneIfOneOfMany)).map(({ id }) => id),
      })
      const source = createSource(account, selection, { lists, pageSize, deadlineMs })
      const bytes = await openExport({
        lists: lists.map(toExportList),
        selection,
        cursor: from,
        format,
        events:
          eventsId === undefined
            ? undefined
            : {
                exportId: eventsId,
                selectionId: id,
                sealCursor: cursors.seal,
                waitingFor,
              },
        source,
        judgeError:
          listId === undefined
            ? createJudgeError((signal) => readLists(client, undefined, { signal, deadlineMs: deadlineMs() }))
            : undefined,
        marginS,
        signal,
        cutSignal,
        lendsChunks,
        onEvent: onEvent ?? (() => {}),
        onEnd: release,
        clock,
      })
      hasAnswered = true
      // A generator that is never run never ends: a consumer may have left before its first byte.
      signal.addEventListener("abort", release, { once: true })
      return bytes
    } catch (error) {
      release()
      throw error
    }
  }
}

async function readLists(
  client: MailchimpClient,
  listId: string | undefined,
  options: { signal: AbortSignal; deadlineMs: number | undefined },
): Promise<MailchimpList[]> {
  return listId === undefined
    ? Array.fromAsync(listLists(client, options))
    : [await readList(client, listId, options)]
}

function toExportList(list: MailchimpList): ExportList {
  const { id, name, memberCount, unsubscribeCount, cleanedCount } = list
  return { id, name, estimate: memberCount + unsubscribeCount + cleanedCount }
}

/** Mailchimp as the scan wants it: the selection asked for, the answers split into their rows. */
function createSource(
  { client, spare }: Account,
  selection: Selection,
  {
    lists,
    ...options
  }: { lists: readonly MailchimpList[]; pageSize: number; deadlineMs: () => number | undefined },
): Source {
  const { without, ...fields } = toFieldsQuery(selection)
  const reader = createMembersReader<Page>(client, {
    ...options,
    ...fields,
    parsePage: (body, { listId, count, offset, sentAt }) => ({
      ...splitMembers(body, { listId, count, offset, without }),
      count,
      sentAt,
    }),
  })
  return { ...reader, spare, expected: createExpectedRows(lists, options.pageSize, spare) }
}
