/** A body exceeds its reader's limit. It was not read to its end. */
export class TooLarge extends Error {
  override readonly name = "TooLarge"
  /** The size of the body as far as it is known: announced or projected, otherwise just over the limit. */
  readonly bytes: number

  constructor(bytes: number, maxBytes: number) {
    super(`The body has ${bytes} bytes or more, and the limit is ${maxBytes}`)
    this.bytes = bytes
  }
}
