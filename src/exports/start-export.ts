import type { Account } from "../connections/open-account.ts"
import { type Clock, systemClock } from "../lib/time.ts"
import type { MailchimpClient } from "../mailchimp/client.ts"
import { readInterests } from "../mailchimp/lists/interests.ts"
import { type MailchimpList, listLists, readList, readMergeFields } from "../mailchimp/lists/lists.ts"
import { createMembersReader } from "../mailchimp/members/read-members.ts"
import type { Sealer } from "../sealer.ts"
import type { ExportList } from "./create-event-lines.ts"
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
  /** One list, or undefined for all lists. */
  readonly listId: string | undefined
  readonly selection: Selection
  readonly format: FormatName
  /** Resumes or continues another export: the `cursor` of its checkpoint, error or end line. */
  readonly cursor?: string | undefined
  /** The export's id in its event lines; without it there are none. Only with NDJSON, and not for a slice. */
  readonly eventsId?: string | undefined
  /** Aborts when the consumer has left. */
  readonly signal: AbortSignal
  /** The consumer has copied a chunk before it pulls the next one: see {@link ExportOptions}. */
  readonly lendsChunks?: boolean
  readonly onEvent?: ((event: ExportEvent) => void) | undefined
}

/**
 * Resolves to the bytes of an export after its first page was read, so that an early failure can get an HTTP status of its
 * own. The caller must read the bytes or abort the signal.
 */
export type StartExport = (request: ExportRequest) => Promise<AsyncGenerator<Uint8Array>>

export type StartExportOptions = {
  /** Seals the cursors. */
  readonly sealer: Sealer
  /** Members per request. */
  readonly pageSize: number
  /** How many seconds before Mailchimp's clock a second counts as closed. */
  readonly marginS: number
  /** Aborts all exports: see {@link ExportOptions}. */
  readonly shutdownSignal?: AbortSignal
  readonly clock?: Clock
}

/** How long requests to Mailchimp are retried before our response begins: as long as a person, or a proxy, would wait. */
export const beforeResponseMs = 30_000

/** Rejects if an export would refuse the cursor, without a request to Mailchimp. */
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
  shutdownSignal,
  clock = systemClock,
}: StartExportOptions): StartExport {
  return async ({ account, listId, selection, format, cursor, eventsId, signal, lendsChunks, onEvent }) => {
    const { client, connection, waitingFor } = account
    const cursors = createSealedCursors(sealer, connection.id)
    const id = selectionId(selection, listId)
    const startedMs = clock.monotonicMs()
    let hasStarted = false
    const deadlineMs = () =>
      hasStarted ? undefined : Math.max(0, beforeResponseMs - (clock.monotonicMs() - startedMs))

    const release = () => {
      signal.removeEventListener("abort", release)
      account[Symbol.dispose]()
    }
    try {
      const from = cursor === undefined ? undefined : await cursors.open(cursor, id)
      const lists = await readLists(client, listId, { signal, deadlineMs: deadlineMs() })
      const listIds = lists.map(({ id }) => id)
      // If one of many lists cannot be read, the export reports that itself and exports the others.
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
        shutdownSignal,
        lendsChunks,
        onEvent: onEvent ?? (() => {}),
        onEnd: release,
        clock,
      })
      hasStarted = true
      // A generator that never starts never ends: the consumer may have left before the first byte.
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

/** Mailchimp as the scan's source: requests the selected fields and splits the responses into rows. */
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
