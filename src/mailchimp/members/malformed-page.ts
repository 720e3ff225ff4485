/** A response with status 200 that is not a page: truncated, not JSON, of another list, or with too many rows. */
export class MalformedPage extends Error {
  override readonly name = "MalformedPage"

  constructor(reason: string, cause?: unknown) {
    super(`Cannot read a page of members because ${reason}`, { cause })
  }
}
