// What `mailchimp-export/client` exports. Runs in browsers, Bun and Node 20 or later, and imports nothing from elsewhere.
export { connect, connection, disconnect, list, lists } from "./account.ts"
export { MailchimpExportError } from "./error.ts"
export { exportMembers } from "./export-members.ts"
export type { ExportOptions, Progress } from "./export-options.ts"
export type { MemberExport, Page } from "./member-export.ts"
export type { Member, MemberStatus, MergeAddress } from "./member.ts"
export type { Service } from "./request.ts"
export type * from "./types.ts"
