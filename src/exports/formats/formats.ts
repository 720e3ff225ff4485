import type { Format } from "./format.ts"
import { csv } from "./csv.ts"
import { json } from "./json.ts"
import { ndjson } from "./ndjson.ts"

/** The formats of an export, the default first. To add a format, add its entry here: everything else reads this list. */
export const formats = [ndjson, json, csv] as const satisfies readonly Format[]

export const formatNames = formats.map(({ name }) => name)
export type FormatName = (typeof formatNames)[number]

/** The formats in which a job can write. */
export const partFormats = formats.filter((format) => format.hasParts)
