import type { Clock } from "../../lib/time.ts"
import { createSortOrders, type SortOrders } from "./sort-orders.ts"
import type { Version } from "./version.ts"

/** The versions that the API shows. Like a replica, they may lag behind the true state. */
export type VisibleVersions = Pick<SortOrders, "order"> & {
  at(index: number): Version | undefined
  /** Shows a version at once. */
  show(index: number, version: Version): void
  /** Shows a version after the visibility delay. */
  showLater(index: number, version: Version): void
}

export function createVisibleVersions(clock: Clock, visibilityDelayMs: () => number): VisibleVersions {
  const visible: (Version | undefined)[] = []
  const waiting: { shownAt: number; index: number; version: Version }[] = []
  const orders = createSortOrders(visible)

  const show = (index: number, version: Version) => {
    orders.replace(index, visible[index], version)
    visible[index] = version
  }

  const showWhatIsDue = () => {
    while (waiting[0] !== undefined && waiting[0].shownAt <= clock.now()) {
      const due = waiting.shift()
      if (due) show(due.index, due.version)
    }
  }

  return {
    at(index) {
      showWhatIsDue()
      return visible[index]
    },
    order(field, population) {
      showWhatIsDue()
      return orders.order(field, population)
    },
    show,
    showLater(index, version) {
      const delayMs = visibilityDelayMs()
      if (delayMs === 0 && waiting.length === 0) show(index, version)
      else waiting.push({ shownAt: clock.now() + delayMs, index, version })
    },
  }
}
