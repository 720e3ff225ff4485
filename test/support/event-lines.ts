import { z } from "zod"

const eventSchema = z.discriminatedUnion("$export", [
  z.object({
    $export: z.literal("start"),
    id: z.string(),
    horizon: z.iso.datetime(),
    lists: z.array(z.object({ id: z.string(), name: z.string(), estimate: z.int() })),
  }),
  z.object({ $export: z.literal("checkpoint"), cursor: z.string(), rows: z.int() }),
  z.object({ $export: z.literal("progress"), rows: z.int(), requests: z.int(), waiting_for: z.string() }),
  z.object({ $export: z.literal("deleted"), list_id: z.string(), at: z.iso.datetime(), reason: z.string() }),
  z.object({
    $export: z.literal("list_error"),
    list_id: z.string(),
    code: z.string(),
    detail: z.string(),
    retryable: z.boolean(),
    upstream: z.object({ status: z.int() }).optional(),
  }),
  z.object({
    $export: z.literal("error"),
    code: z.string(),
    detail: z.string(),
    retryable: z.boolean(),
    cursor: z.string(),
  }),
  z.object({
    $export: z.literal("end"),
    status: z.enum(["complete", "short"]),
    rows: z.int(),
    count_differs: z.int().optional(),
    lists: z.array(
      z.object({
        id: z.string(),
        rows: z.int(),
        total_items: z.int().optional(),
        // A list that could not be read has no as_of.
        as_of: z.iso.datetime().default("1970-01-01T00:00:00Z"),
        code: z.string().optional(),
        count_differs: z.int().optional(),
      }),
    ),
    cursor: z.string().optional(),
    duration_ms: z.int(),
  }),
])

export type ExportEventLine = z.infer<typeof eventSchema>

/** A line of an export with events: a member, as its text, or an event. */
export type ExportLine = { readonly row: string } | { readonly event: ExportEventLine }

/** Reads an export with events line by line until it ends; a broken transfer throws. */
export async function* readLines(response: Response): AsyncGenerator<ExportLine> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) if (line.trim() !== "") yield parseLine(line)
  }
  if (rest.trim() !== "") yield parseLine(rest)
}

function parseLine(line: string): ExportLine {
  return line.startsWith('{"$export":') ? { event: eventSchema.parse(JSON.parse(line)) } : { row: line }
}
