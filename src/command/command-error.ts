/** A failure of the command itself. Its message says what is wrong and what to do, for a person. */
export class CommandError extends Error {
  override readonly name = "CommandError"
  readonly outcome: "failed" | "usage" | "loginRequired" | "tryLater"

  constructor(outcome: CommandError["outcome"], message: string, options?: ErrorOptions) {
    super(message, options)
    this.outcome = outcome
  }
}
