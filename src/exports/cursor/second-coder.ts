import type { ListPosition } from "../../scan/position.ts"
import type { Second } from "../../scan/source.ts"
import type { Coder } from "./range-coder.ts"

const BEGINNING = Number.NEGATIVE_INFINITY

/** The range that a second lies in. The models learn an era by its number. */
const eras = { beginning: 0, before: 1, earlier: 2, later: 3, none: 4 } as const
type Era = Exclude<keyof typeof eras, "none">

export type SecondModels = ReturnType<typeof createSecondModels>

/** The names of the models that learn one kind of second, such as the tails of live members. */
export function createSecondModels(name: string) {
  return {
    isBeginning: `${name} is the beginning`,
    isLater: `${name} is later`,
    isEarlier: `${name} is earlier`,
    isOnGrid: `${name} is on the grid`,
    offGrid: `${name} off the grid`,
    before: { alone: `${name} before`, near: `${name} before, near` },
    earlier: { alone: `${name} earlier`, near: `${name} earlier, near` },
    later: { alone: `${name} later`, near: `${name} later, near` },
  }
}

/**
 * Positions of many lists lie close together: after the horizon if this export has read the list, otherwise after the
 * horizon of the earlier export that this one continues. Positions are therefore coded as distances from these two
 * seconds, or from the position of the same list's other sweep.
 */
export function createSecondCoder(coder: Coder, horizon: Second, lists: readonly ListPosition[]) {
  const positions = tailsOf(lists.filter(isIdle))
  const earliest = codeLoneSecond(coder, "earliest", earliestOf(lists, horizon))
  const grids = {
    later: codeGrid(positions.filter((second) => second >= horizon).map((second) => second - horizon)),
    earlier: codeGrid(
      positions.filter((second) => second >= earliest && second < horizon).map((second) => second - earliest),
    ),
  }
  /** Lists that are done have different positions from lists that have not been started. */
  let isDone = false
  return { codeSecond, expectDone: (value: boolean) => void (isDone = value) }

  function codeSecond(model: SecondModels, second: Second, near?: Second): Second {
    const nearEra = near === undefined ? "none" : eraOf(near)
    const era = codeEra(model, eraOf(second), nearEra)
    if (era === "beginning") return BEGINNING
    if (era === "before") {
      if (near === undefined || nearEra !== era)
        return earliest - coder.number(model.before.alone, earliest - second)
      return near + codeSigned(coder, model.before.near, second - near)
    }
    const [origin, grid] = [era === "later" ? horizon : earliest, grids[era]]
    const step = Math.floor((second - origin) / grid)
    const rest = second - origin - step * grid
    const nearStep = near !== undefined && nearEra === era ? Math.floor((near - origin) / grid) : undefined
    const coded =
      nearStep === undefined
        ? coder.number(model[era].alone, step)
        : nearStep + codeSigned(coder, model[era].near, step - nearStep)
    const isOnGrid = coder.flag(model.isOnGrid, rest === 0)
    return origin + coded * grid + (isOnGrid ? 0 : coder.number(model.offGrid, rest))
  }

  function codeEra(model: SecondModels, era: Era, nearEra: keyof typeof eras): Era {
    const context = 2 * eras[nearEra] + (isDone ? 1 : 0)
    if (coder.flag(model.isBeginning, era === "beginning", context)) return "beginning"
    if (coder.flag(model.isLater, era === "later", context)) return "later"
    return coder.flag(model.isEarlier, era === "earlier", context) ? "earlier" : "before"
  }

  function eraOf(second: Second): Era {
    if (!Number.isFinite(second)) return "beginning"
    if (second >= horizon) return "later"
    return second >= earliest ? "earlier" : "before"
  }

  /** The largest power of two that divides nearly all distances: see coarsen(). */
  function codeGrid(distances: readonly number[]): number {
    let power = distances.length === 0 ? 0 : 12
    const isGrid = (grid: number) =>
      distances.filter((distance) => distance % grid === 0).length >= 0.9 * distances.length
    while (!isGrid(2 ** power)) power -= 1
    return 2 ** coder.number("grid", power)
  }
}

/**
 * The earliest position before the horizon, ignoring a few outliers, such as positions of lists that ended short. If all
 * lists are done or being read, the result comes from the other sweep of the lists being read.
 */
export function earliestOf(lists: readonly ListPosition[], horizon: Second): Second {
  const idle = tailsOf(lists.filter(isIdle)).filter((second) => second < horizon)
  const earlier = idle.length > 0 ? idle : tailsOf(lists).filter((second) => second < horizon)
  const share = idle.length > 0 ? 0.05 : 0.5
  return earlier.toSorted((a, b) => a - b)[Math.floor(earlier.length * share)] ?? horizon
}

function isIdle({ isDone, totalItems }: ListPosition): boolean {
  return isDone === true || totalItems === undefined
}

function tailsOf(lists: readonly ListPosition[]): Second[] {
  return lists
    .flatMap(({ live, archived }) => [live.tail?.since, archived?.tail?.since])
    .filter((second) => second !== undefined)
    .filter((second) => Number.isFinite(second))
}

/** A second on its own, far from any that was coded before. */
export function codeLoneSecond(coder: Coder, model: string, second: Second): Second {
  const isFinite = coder.flag("is finite", Number.isFinite(second))
  return isFinite ? codeSigned(coder, model, second) : BEGINNING
}

/** Negative numbers are coded as odd numbers. */
function codeSigned(coder: Coder, model: string, value: number): number {
  const coded = coder.number(model, value < 0 ? -2 * value - 1 : 2 * value)
  return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2
}
