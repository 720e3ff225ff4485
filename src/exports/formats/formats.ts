import { AppError } from "../../errors.ts"
import type { Format, PartFormat } from "./format.ts"
import { csv } from "./csv.ts"
import { json } from "./json.ts"
import { ndjson } from "./ndjson.ts"

/** The formats of an export, the default first. To add a format, add its entry here: the service reads this list. */
export const formats = [ndjson, json, csv] as const satisfies readonly Format[]

export const formatNames = formats.map(({ name }) => name)
export type FormatName = (typeof formatNames)[number]

/** The formats in which a job can write. */
export const partFormats = formats.filter((format) => format.hasParts)

/** The format of a job, by the name that its record has. */
export function partFormatNamed(name: string): PartFormat {
  const format = partFormats.find((format) => format.name === name)
  if (format === undefined)
    throw new AppError("internal_error", "Cannot use the job's files because their format is unknown")
  return format
}
