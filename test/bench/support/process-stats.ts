/** What Linux counts of a process, in units that people use. */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs"

/** Clock ticks a second in /proc: the same on every Linux. */
const TICKS_PER_SECOND = 100

export const MB = 2 ** 20

/** Memory that the process holds now. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, "VmRSS")
}

/** The most memory that it ever held, or held since `startPeakAnew`. */
export function peakBytes(pid: number): number {
  return statusBytes(pid, "VmHWM")
}

/** Makes what it holds now the most that it ever held: proc_pid_clear_refs(5). */
export function startPeakAnew(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5")
}

/** Seconds that it has computed for, on all cores. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  // The name of the command is in brackets and may hold anything; utime and stime are the 12th and 13th value behind it.
  const values = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(values[11]) + Number(values[12])) / TICKS_PER_SECOND
}

/** Its open files, and how many of them are sockets. */
export function openFiles(pid: number): { files: number; sockets: number } {
  const folder = `/proc/${pid}/fd`
  const targets = readdirSync(folder).map((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`)
    } catch {
      // Closed since the folder was read.
      return undefined
    }
  })
  const open = targets.filter((target) => target !== undefined)
  return { files: open.length, sockets: open.filter((target) => target.startsWith("socket:")).length }
}

function statusBytes(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]
  if (kilobytes === undefined) throw new Error(`Cannot read ${name} of process ${pid}`)
  return Number(kilobytes) * 1024
}
