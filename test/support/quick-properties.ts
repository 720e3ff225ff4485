/** Bounds the time of each property, for a quick run of the tests. */
import { configureGlobal } from "fast-check"

configureGlobal({ interruptAfterTimeLimit: 1000 })
