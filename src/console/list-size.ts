import type { List } from "../client/types.ts"

/** All members of a list but archived ones, as Mailchimp counts them. */
export function sizeOf({ member_count, unsubscribe_count, cleaned_count }: List): number {
  return member_count + unsubscribe_count + cleaned_count
}
