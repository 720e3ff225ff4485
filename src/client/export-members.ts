import type { ExportOptions } from "./export-options.ts"
import type { Member } from "./member.ts"
import { type MemberExport, createExport } from "./member-export.ts"
import { sleep } from "./sleep.ts"

/**
 * Exports members. Nothing is requested before the first member is. A broken export is resumed by itself; a member may
 * come twice then, and the last one counts. When the loop ends normally, every member was delivered.
 *
 * @throws {MailchimpExportError} `incomplete` after all members, if some may be missing; or what made the export fail.
 *   To continue later, iterate again, or pass `cursor` to another export.
 */
export function exportMembers(
  options: ExportOptions & { readonly fields?: undefined; readonly excludeFields?: undefined },
): MemberExport<Member>
export function exportMembers(options: ExportOptions): MemberExport<Partial<Member>>
export function exportMembers(options: ExportOptions): MemberExport<Partial<Member>> {
  return createExport<Partial<Member>>(options, { sleep, random: Math.random })
}
