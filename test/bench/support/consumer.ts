/** What a consumer of an export got, and when. */
export type Received = {
  readonly rows: number
  readonly bytes: number
  readonly firstRowMs: number
  readonly durationMs: number
}

/** Reads an export as fast as it comes, and keeps nothing of it. Not compressed, unless `headers` ask for it. */
export async function consume(url: string, headers: Readonly<Record<string, string>>): Promise<Received> {
  const startedMs = performance.now()
  const response = await fetch(url, { headers: { "accept-encoding": "identity", ...headers } })
  if (!response.ok || response.body === null) throw new Error(`${response.status} ${await response.text()}`)
  let firstRowMs = 0
  let rows = 0
  let bytes = 0
  for await (const chunk of response.body) {
    firstRowMs ||= performance.now() - startedMs
    rows += countLines(chunk)
    bytes += chunk.length
  }
  return { rows, bytes, firstRowMs, durationMs: performance.now() - startedMs }
}

export function countLines(chunk: Uint8Array): number {
  let lines = 0
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1
  return lines
}
