import { memberStatuses } from "../members/member.ts"
import type { Population, SortField } from "../members/sort-orders.ts"
import {
  parseChoice,
  parseDate,
  parseFields,
  parsePaging,
  refuseParams,
  type SelectedFields,
} from "./parse-params.ts"
import type { FieldError } from "./problems.ts"

/** A parsed request for members. Seconds are since the epoch. */
export type MembersQuery = SelectedFields & {
  count: number
  offset: number
  population: Population
  sortField: SortField
  descending: boolean
  /** Exclusive. */
  since: number | undefined
  /** Inclusive. */
  before: number | undefined
}

/** Mailchimp's other filters of members. */
export const otherMemberFilters = [
  "since_timestamp_opt",
  "before_timestamp_opt",
  "email_type",
  "unique_email_id",
  "vip_only",
  "interest_category_id",
  "interest_ids",
  "interest_match",
  "since_last_campaign",
  "unsubscribed_since",
] as const

/** Parses the parameters of GET /lists/{id}/members, or lists their errors. */
export function parseMembersQuery(
  params: URLSearchParams,
): { query: MembersQuery } | { errors: FieldError[] } {
  const errors: FieldError[] = []
  refuseParams(params, otherMemberFilters, errors)
  const direction = parseChoice(params, "sort_dir", ["ASC", "DESC", "asc", "desc"], errors)
  const query: MembersQuery = {
    ...parsePaging(params, errors),
    ...parseFields(params, errors),
    population: parseChoice(params, "status", memberStatuses, errors) ?? "live",
    sortField: parseChoice(params, "sort_field", ["last_changed", "timestamp_opt"], errors) ?? "none",
    descending: direction?.toUpperCase() === "DESC",
    since: parseDate(params, "since_last_changed", errors),
    before: parseDate(params, "before_last_changed", errors),
  }
  return errors.length > 0 ? { errors } : { query }
}
