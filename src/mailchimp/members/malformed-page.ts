/** A response with status 200 that is not a page: truncated, no JSON at all, of another list, or with other rows than it counts. */
export class MalformedPage extends Error {
  override readonly name = "MalformedPage"

  constructor(reason: string, cause?: unknown) {
    super(`Cannot read a page of members as ${reason}`, { cause })
  }
}
