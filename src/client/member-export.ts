import { createBackOff } from "./back-off.ts"
import { MailchimpExportError } from "./error.ts"
import type { ExportOptions } from "./export-options.ts"
import type { Member } from "./member.ts"
import { createOpen, keyOf } from "./open-export.ts"
import { readSteps } from "./resume.ts"
import type { Sleep } from "./sleep.ts"
import type { EndLine, EventLine } from "./types.ts"

/** Members that arrived together. */
export type Page<M> = {
  readonly members: M[]
  /** Covers these members and all before them: store both together, and resume from it after a crash. */
  readonly cursor: string | undefined
}

export type MemberExport<M> = AsyncIterable<M> & {
  /** The members in pages, to store in batches. */
  pages(): AsyncGenerator<Page<M>>
  /**
   * All members at once, in memory, a member who changed meanwhile only once. Stops after `limit` members: then `end` is missing.
   */
  toArray(options?: { readonly limit?: number | undefined }): Promise<M[]>
  /**
   * Resumes this export after everything that was read and processed. After the end it starts the next export, of what
   * changes from then on.
   */
  readonly cursor: string | undefined
  /** The proof that the export is complete, once all members were read. */
  readonly end: EndLine | undefined
  /** Lists that no longer exist: all of their members are gone. */
  readonly deletedLists: readonly string[]
}

/** As {@link exportMembers}, with time and randomness as arguments. */
export function createExport<M extends Partial<Member>>(
  options: ExportOptions,
  { sleep, random }: { readonly sleep: Sleep; readonly random: () => number },
): MemberExport<M> {
  const { maxRetries = 8, onProgress = () => {} } = options
  const deletedLists: string[] = []
  let { cursor } = options
  let end: EndLine | undefined
  let rows = 0
  let estimate = 0

  async function* pages(): AsyncGenerator<Page<M>> {
    if (!end) {
      const backOff = createBackOff(maxRetries, random)
      const onRetry = (error: MailchimpExportError) => onProgress({ rows, estimate, error })
      const { signal } = options
      const steps = readSteps<M>({
        cursor,
        open: createOpen(options),
        backOff,
        keyOf,
        onRetry,
        sleep,
        signal,
      })
      for await (const { rows: members, line } of steps) {
        const isEnd = line.$export === "end"
        const next = isEnd || "cursor" in line ? line.cursor : cursor
        rows += members.length
        note(line)
        if (members.length > 0) yield { members, cursor: next }
        cursor = next
        if (isEnd) {
          end = line
          break
        }
      }
    }
    if (end?.status === "short") throw incomplete(end)
  }

  function note(line: EventLine): void {
    if (line.$export === "start") estimate = line.lists.reduce((sum, { estimate = 0 }) => sum + estimate, 0)
    else if (line.$export === "deleted") deletedLists.push(line.list_id)
    else if (line.$export === "progress") onProgress({ rows, estimate, waitingFor: line.waiting_for })
    else onProgress({ rows, estimate })
  }

  async function* members(): AsyncGenerator<M> {
    for await (const page of pages()) yield* page.members
  }

  return {
    pages,
    deletedLists,
    [Symbol.asyncIterator]: members,
    toArray: async ({ limit = Infinity } = {}) => {
      const byKey = new Map<unknown, M>()
      for await (const member of members()) {
        if (byKey.size >= limit) break
        byKey.set(member.id ? member.list_id + member.id : member, member)
      }
      return [...byKey.values()]
    },
    get cursor() {
      return cursor
    },
    get end() {
      return end
    },
  }
}

function incomplete({ lists }: EndLine): MailchimpExportError {
  const short = lists
    .filter(({ short }) => short)
    .map(({ id, code = "Mailchimp's counts and rows disagree" }) => `${id} (${code})`)
  const detail = `The export may lack members of the lists ${short.join(", ")}. The next export, from its cursor, delivers them`
  return new MailchimpExportError("incomplete", { detail, retryable: true })
}
