import type { Account } from "../connections/open-account.ts"
import type { LentChunk } from "../lib/lent-chunk.ts"
import { type Clock, systemClock } from "../lib/time.ts"
import type { MailchimpList } from "../mailchimp/lists/lists.ts"
import type { Sealer } from "../sealer.ts"
import { createAccountLists } from "./account-lists.ts"
import type { ExportList } from "./create-event-lines.ts"
import { createSealedCursors } from "./cursor/sealed-cursor.ts"
import type { ExportEvent } from "./export-event.ts"
import { beginLife } from "./export-life.ts"
import type { EncoderInput, Format } from "./formats/format.ts"
import { createJudgeError } from "./judge-error.ts"
import { createMembersSource } from "./members-source.ts"
import { createResponseDeadline } from "./response-deadline.ts"
import { requireListFields } from "./list-fields.ts"
import { type Selection, selectionId } from "./selection.ts"
import { openExport } from "./stream-export.ts"

/** What to export, from which account, and how to write it. */
type ExportRequest = {
  /** Disposed of when the export ends, however it ends. */
  readonly account: Account
  /** The selected lists, or undefined for all lists. */
  readonly listIds: readonly string[] | undefined
  readonly selection: Selection
  readonly format: Format
  /** The parameters that only this format has. */
  readonly formatOptions?: EncoderInput["options"]
  /** Resumes or continues another export: the `cursor` of its checkpoint, error or end line. */
  readonly cursor?: string | undefined
  /** The export's id in its event lines; without it there are none. Not for a slice. */
  readonly eventsId?: string | undefined
  /** Aborts when the consumer has left. */
  readonly signal: AbortSignal
  /** See {@link ExportOptions}. */
  readonly lent?: LentChunk | undefined
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

/** Exports the members of an account's lists. */
export function createStartExport({
  sealer,
  pageSize,
  marginS,
  shutdownSignal,
  clock = systemClock,
}: StartExportOptions): StartExport {
  return async ({
    account,
    listIds,
    selection,
    cursor,
    eventsId,
    signal,
    formatOptions = {},
    onEvent = () => {},
    ...request
  }) => {
    const { client, connection, waitingFor } = account
    const life = beginLife(account, { signal, onEvent, clock })
    try {
      const cursors = createSealedCursors(sealer, connection.id)
      const id = selectionId(selection, listIds)
      const from = cursor === undefined ? undefined : await cursors.open(cursor, id)
      const deadline = createResponseDeadline(clock)
      const deadlineMs = deadline.leftMs
      const { readLists, readAllLists, columnReaders, ...fieldReaders } = createAccountLists(
        client,
        listIds,
        {
          signal,
          deadlineMs,
          isContinued: from !== undefined,
        },
      )
      const lists = await readLists(signal)
      await requireListFields(
        selection,
        lists.map(({ id }) => id),
        fieldReaders,
      )
      const bytes = await openExport({
        ...request,
        lists: lists.map(toExportList),
        selection,
        encoderInput: { options: formatOptions, readers: columnReaders },
        cursor: from,
        events:
          eventsId === undefined
            ? undefined
            : { exportId: eventsId, selectionId: id, sealCursor: cursors.seal, waitingFor },
        source: createMembersSource(account, selection, {
          lists,
          pageSize,
          deadlineMs,
          cellFields: request.format.cellFields,
        }),
        judgeError: listIds?.length === 1 ? undefined : createJudgeError(readAllLists),
        marginS,
        signal,
        shutdownSignal,
        onEvent,
        onStart: life.started,
        onEnd: life.end,
        clock,
      })
      deadline.responseBegins()
      life.ready()
      return bytes
    } catch (error) {
      life.refused(error)
      throw error
    }
  }
}

function toExportList(list: MailchimpList): ExportList {
  const { id, name, memberCount, unsubscribeCount, cleanedCount } = list
  return { id, name, estimate: memberCount + unsubscribeCount + cleanedCount }
}
