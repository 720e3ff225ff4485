import { memberStatuses, type Json } from "../members/member.ts"
import {
  indexOf,
  sortKey,
  type MemberTable,
  type Population,
  type SortField,
  type Version,
} from "../members/member-table.ts"
import type { FieldError } from "./problems.ts"

/** A parsed request for members. Seconds are since the epoch. */
export type MembersQuery = {
  count: number
  offset: number
  fields: string | undefined
  excludeFields: string | undefined
  population: Population
  sortField: SortField
  descending: boolean
  since: number | undefined
  before: number | undefined
  /** The filters that no index covers, checked for each row. */
  conditions: ((version: Version, row: () => Record<string, Json>) => boolean)[]
}

/** What a filter needs to know about a list. */
export type ListFacts = { campaignLastSent: number }

const sortFields: Record<string, SortField> = {
  last_changed: "last_changed",
  timestamp_opt: "timestamp_opt",
  timestamp_signup: "timestamp_signup",
}

const MAX_COUNT = 1000

/** Reads `count` and `offset` as every listing of Mailchimp does: 10 and 0 by default, `count` clamped to 1000. */
export function parsePaging(
  params: URLSearchParams,
  errors: FieldError[],
): { count: number; offset: number } {
  return {
    count: Math.min(MAX_COUNT, wholeNumber(params, "count", 10, errors)),
    offset: wholeNumber(params, "offset", 0, errors),
  }
}

function wholeNumber(params: URLSearchParams, field: string, fallback: number, errors: FieldError[]): number {
  const text = params.get(field)
  if (text === null || text === "") return fallback
  if (/^\d{1,9}$/.test(text)) return Number(text)
  errors.push({ field, message: `Schema describes integer, ${JSON.stringify(text)} found instead` })
  return fallback
}

/** ISO 8601 with a zone, or a date alone. An unescaped plus sign arrives as a space and is refused. */
const dateTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/

/** Reads a date parameter as whole seconds, without the fraction: Mailchimp's times have no finer resolution. */
export function parseDate(params: URLSearchParams, field: string, errors: FieldError[]): number | undefined {
  const text = params.get(field)
  if (text === null || text === "") return undefined
  const zoned = /([Zz]|[+-]\d\d:?\d\d)$/.test(text) || text.length === 10 ? text : `${text}Z`
  const ms = dateTime.test(text) ? Date.parse(zoned.replace(" ", "T")) : Number.NaN
  if (!Number.isNaN(ms)) return Math.floor(ms / 1000)
  errors.push({ field, message: "This value is not a valid datetime." })
  return undefined
}

function oneOf<T extends string>(
  params: URLSearchParams,
  field: string,
  choices: readonly T[],
  errors: FieldError[],
): T | undefined {
  const text = params.get(field)
  if (text === null || text === "") return undefined
  const found = choices.find((choice) => choice === text)
  if (found === undefined) errors.push({ field, message: `Value must be one of: ${choices.join(", ")}.` })
  return found
}

/** Parses the parameters of GET /lists/{id}/members, or lists their errors. */
export function parseMembersQuery(
  params: URLSearchParams,
  facts: ListFacts,
): { query: MembersQuery } | { errors: FieldError[] } {
  const errors: FieldError[] = []
  const paging = parsePaging(params, errors)
  const fields = params.get("fields") || undefined
  const excludeFields = params.get("exclude_fields") || undefined
  if (fields && excludeFields) {
    errors.push({ field: "fields", message: "fields and exclude_fields cannot be used together." })
  }
  const status = oneOf(params, "status", memberStatuses, errors)
  const sortField = oneOf(params, "sort_field", Object.keys(sortFields), errors)
  const direction = oneOf(params, "sort_dir", ["ASC", "DESC", "asc", "desc"], errors)
  const query: MembersQuery = {
    ...paging,
    fields,
    excludeFields,
    population: status ?? "live",
    sortField: sortFields[sortField ?? ""] ?? "none",
    descending: direction?.toUpperCase() === "DESC",
    since: parseDate(params, "since_last_changed", errors),
    before: parseDate(params, "before_last_changed", errors),
    conditions: parseConditions(params, status, facts, errors),
  }
  return errors.length > 0 ? { errors } : { query }
}

function parseConditions(
  params: URLSearchParams,
  status: string | undefined,
  facts: ListFacts,
  errors: FieldError[],
): MembersQuery["conditions"] {
  const conditions: MembersQuery["conditions"] = []
  const sinceOptedIn = parseDate(params, "since_timestamp_opt", errors)
  if (sinceOptedIn !== undefined) conditions.push((version) => version.timestampOpt > sinceOptedIn)
  const beforeOptedIn = parseDate(params, "before_timestamp_opt", errors)
  if (beforeOptedIn !== undefined) conditions.push((version) => version.timestampOpt <= beforeOptedIn)

  const emailType = oneOf(params, "email_type", ["html", "text"], errors)
  if (emailType) conditions.push((_, row) => row()["email_type"] === emailType)
  const uniqueEmailId = params.get("unique_email_id")
  if (uniqueEmailId) conditions.push((_, row) => row()["unique_email_id"] === uniqueEmailId)
  const vipOnly = oneOf(params, "vip_only", ["true", "false", "1", "0"], errors)
  if (vipOnly === "true" || vipOnly === "1") conditions.push((_, row) => row()["vip"] === true)

  const unsubscribedSince = parseDate(params, "unsubscribed_since", errors)
  if (unsubscribedSince !== undefined) {
    if (status !== undefined && status !== "unsubscribed") {
      errors.push({ field: "unsubscribed_since", message: "Can only be used with status=unsubscribed." })
    }
    conditions.push((version) => version.status === "unsubscribed" && version.lastChanged > unsubscribedSince)
  }
  if (oneOf(params, "since_last_campaign", ["true", "false", "1", "0"], errors)?.match(/true|1/)) {
    if (status === undefined) {
      errors.push({ field: "since_last_campaign", message: "Member status is required to use this filter." })
    }
    conditions.push((version) => version.lastChanged > facts.campaignLastSent)
  }
  const interests = parseInterests(params, errors)
  if (interests) conditions.push(interests)
  return conditions
}

function parseInterests(
  params: URLSearchParams,
  errors: FieldError[],
): MembersQuery["conditions"][number] | undefined {
  const names = ["interest_category_id", "interest_ids", "interest_match"]
  const given = names.filter((name) => params.get(name))
  if (given.length === 0) return undefined
  for (const field of names.filter((name) => !given.includes(name))) {
    errors.push({ field, message: "The three interest parameters must be used together." })
  }
  const match = oneOf(params, "interest_match", ["any", "all", "none"], errors)
  const ids = (params.get("interest_ids") ?? "").split(",")
  return (_, row) => {
    const interests = row()["interests"]
    const has = (id: string) =>
      interests !== null &&
      typeof interests === "object" &&
      !Array.isArray(interests) &&
      interests[id] === true
    if (match === "all") return ids.every(has)
    return match === "none" ? !ids.some(has) : ids.some(has)
  }
}

/** The versions on a page, and how many members match the filters in all. */
export type FoundMembers = { versions: Version[]; totalItems: number }

/**
 * Finds a page: `since` is exclusive and `before` inclusive, to the second. Sorted by `last_changed`, or without any of
 * the other filters, it reads only the index; everything else checks each row of the population.
 */
export function findMembers(table: MemberTable, query: MembersQuery): FoundMembers {
  const { count, offset, since, before, conditions } = query
  const order = table.order(query.sortField, query.population)
  const dated = since !== undefined || before !== undefined
  const toVersions = (keys: number[]) =>
    keys.flatMap((key) => {
      const version = table.visible(indexOf(key))
      return version ? [version] : []
    })
  if (conditions.length === 0 && (!dated || query.sortField === "last_changed")) {
    const low = since === undefined ? 0 : order.rank(sortKey(since + 1))
    const high = Math.max(low, before === undefined ? order.size : order.rank(sortKey(before + 1)))
    const keys = query.descending
      ? order.slice(Math.max(low, high - offset - count), Math.max(low, high - offset)).toReversed()
      : order.slice(Math.min(high, low + offset), Math.min(high, low + offset + count))
    return { versions: toVersions(keys), totalItems: high - low }
  }
  const all = toVersions(order.slice(0, order.size)).filter((version) => {
    if (since !== undefined && version.lastChanged <= since) return false
    if (before !== undefined && version.lastChanged > before) return false
    let row: Record<string, Json> | undefined
    return conditions.every((holds) => holds(version, () => (row ??= JSON.parse(table.text(version)))))
  })
  if (query.descending) all.reverse()
  return { versions: all.slice(offset, offset + count), totalItems: all.length }
}

/** The error of a request that has both `fields` and `exclude_fields`. */
export function fieldConflicts(params: URLSearchParams): FieldError[] {
  return params.get("fields") && params.get("exclude_fields")
    ? [{ field: "fields", message: "fields and exclude_fields cannot be used together." }]
    : []
}
