import type { Config } from "../config.ts"
import type { Redaction } from "../lib/redaction.ts"
import type { Clock } from "../lib/time.ts"
import type { Observe } from "../observability/observe.ts"
import type { Sealer } from "../sealer.ts"
import type { Messages } from "../storage/redis/messages.ts"

/** What most of the services need. */
export type Shared = {
  readonly config: Config
  readonly sealer: Sealer
  readonly redaction: Redaction
  readonly observe: Observe
  readonly clock: Clock
  /** To and from the other replicas. */
  readonly messages: Messages
}
