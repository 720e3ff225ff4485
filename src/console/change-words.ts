import type { Member } from "../client/member.ts"
import type { DeletedLine } from "../client/types.ts"

export type ChangeWord = "New" | "Changed" | "Deleted" | "Address changed"

/** Fields that tell whether a member is new. */
export const addedFields = ["timestamp_signup", "timestamp_opt"] as const

/** A member who was there before may have subscribed again since, which is a change. */
export function wordOf(member: Partial<Member>, sinceMs: number, isKnown: boolean): ChangeWord {
  const isLater = addedFields.some((field) => Date.parse(member[field] ?? "") >= sinceMs)
  return isLater && !isKnown ? "New" : "Changed"
}

export function deletedWord({ reason }: Pick<DeletedLine, "reason">): ChangeWord {
  return reason === "address_changed" ? "Address changed" : "Deleted"
}

/** How many changes of each kind there were. */
export function createChangeCounts() {
  const counts = new Map<ChangeWord, number>()
  return {
    add: (word: ChangeWord) => void counts.set(word, (counts.get(word) ?? 0) + 1),
    words: () =>
      counts.size === 0
        ? "no changes so far"
        : [...counts]
            .map(([word, count]) => `${count.toLocaleString("en")} ${word.toLowerCase()}`)
            .join(", "),
  }
}
