/** What is reported about following. */
export type FollowEvent =
  /** Lists were read for what changed. */
  | {
      readonly type: "follow_pass"
      readonly connectionId: string
      /** How many lists were read, and how many of them because of a delivery. */
      readonly lists: number
      readonly woken: number
      readonly rows: number
      readonly deleted: number
      readonly followers: number
      readonly durationMs: number
      /** From the arrival of the oldest delivery to its rows. Undefined if no delivery caused the pass. */
      readonly lagMs: number | undefined
    }
  /** The deliveries could not be read, or a webhook not be checked. Reported once until it succeeds again. */
  | { readonly type: "follow_degraded"; readonly connectionId: string; readonly error: unknown }
  /** A follower ended. Undefined if it left by itself. */
  | { readonly type: "follower_ended"; readonly requestId: string; readonly error: unknown }
