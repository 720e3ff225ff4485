import type { Reading } from "./reading.ts"
import type { Second } from "./source.ts"
import type { WindowReading } from "./window/window.ts"

/** All readings of a list with one filter. Without a status filter Mailchimp omits archived members, so they need a second sweep. */
export type SweepName = "live" | "archived"

/** A reading in progress. */
export type Task = { readonly sweep: SweepName; readonly reading: Reading }

/** A reading of a window, in progress, that began at `from`. */
export type WindowTask = Task & { readonly from: Second; readonly reading: WindowReading }
