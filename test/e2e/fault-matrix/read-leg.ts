import { finished, PassThrough, type Transform } from "node:stream"
import { createGunzip, createZstdDecompress } from "node:zlib"
import { problemSchema } from "../../../src/http/problem.ts"
import { parseEventLine } from "../../support/event-lines.ts"
import { type Form, linesOf, type Row } from "./forms.ts"

/** One response to a request for an export. */
export type Leg = {
  readonly requestId: string
  /**
   * `complete`, or how the response visibly failed: the code of its problem or of its `error` line, `short`, or `broken` if
   * its format has no event lines.
   */
  readonly outcome: string
  readonly rows: readonly Row[]
  /** Resumes the export; undefined if it must be requested anew. */
  readonly cursor: string | undefined
}

/** The outcome of a transfer that broke before its `error` line had arrived. */
export const lostLine = "broken without a line"

/** Reads a response to its end, however it ends. */
export async function readLeg(response: Response, form: Form): Promise<Leg> {
  const requestId = response.headers.get("x-request-id") ?? ""
  if (!response.ok) {
    const { code } = problemSchema.parse(await response.json())
    return { requestId, outcome: code, rows: [], cursor: undefined }
  }
  const { text, isBroken } = await readText(response)
  if (!form.hasEvents) {
    const rows = isBroken ? [] : form.rows(text)
    return { requestId, outcome: isBroken ? "broken" : "complete", rows, cursor: undefined }
  }
  const line = linesOf(text).at(-1) ?? ""
  const last = line.startsWith('{"$export":') ? parseEventLine(line) : undefined
  const rows = form.rows(text)
  if (isBroken && last?.$export === "error")
    return { requestId, outcome: last.code, rows, cursor: last.cursor }
  if (!isBroken && last?.$export === "end")
    return { requestId, outcome: last.status, rows, cursor: last.cursor }
  return { requestId, outcome: isBroken ? lostLine : "ended without a line", rows, cursor: undefined }
}

/** What arrived until the response ended, decompressed. */
async function readText(response: Response): Promise<{ text: string; isBroken: boolean }> {
  const decoder = createDecoder(response.headers.get("content-encoding"))
  const chunks: Uint8Array[] = []
  let isBroken = false
  const decoded = new Promise<void>((resolve) => {
    decoder.on("data", (chunk: Uint8Array) => chunks.push(chunk))
    finished(decoder, (error) => {
      isBroken ||= Boolean(error)
      resolve()
    })
  })
  try {
    for await (const chunk of response.body ?? []) decoder.write(chunk)
  } catch (error) {
    if (!isReset(error)) throw error
    isBroken = true
  }
  decoder.end()
  await decoded
  return { text: Buffer.concat(chunks).toString(), isBroken }
}

function createDecoder(coding: string | null): Transform {
  if (coding === "gzip") return createGunzip()
  return coding === "zstd" ? createZstdDecompress() : new PassThrough()
}

function isReset(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET"
}
