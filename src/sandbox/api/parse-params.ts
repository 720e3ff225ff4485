import type { FieldError } from "./problems.ts"

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

export function parseChoice<T extends string>(
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

/** Which fields a response keeps. */
export type SelectedFields = { fields: string | undefined; excludeFields: string | undefined }

/** Reads `fields` and `exclude_fields`, which exclude each other. */
export function parseFields(params: URLSearchParams, errors: FieldError[]): SelectedFields {
  const fields = params.get("fields") || undefined
  const excludeFields = params.get("exclude_fields") || undefined
  if (fields && excludeFields) {
    errors.push({ field: "fields", message: "fields and exclude_fields cannot be used together." })
  }
  return { fields, excludeFields }
}

/** Refuses the parameters that Mailchimp has and the sandbox does not imitate; Mailchimp would not ignore them. */
export function refuseParams(params: URLSearchParams, names: readonly string[], errors: FieldError[]): void {
  for (const field of names.filter((name) => params.has(name))) {
    errors.push({ field, message: "The sandbox does not imitate this parameter." })
  }
}
