import { z } from "zod"
import { churnSchema } from "../churn.ts"
import { faultActionSchema } from "../faults/fault-action.ts"

const share = z.number().min(0).max(1).exactOptional()

export const settingsSchema = z.strictObject({
  decision: z.enum(["ask", "approve", "deny"]).exactOptional(),
  consentingUserId: z.number().int().exactOptional(),
  latencyMs: z.number().min(0).exactOptional(),
  evaluate: z.enum(["after-latency", "before-latency"]).exactOptional(),
  visibilityDelayMs: z.number().min(0).exactOptional(),
  serverSkewsMs: z.array(z.number()).min(1).exactOptional(),
  dateOffsetMs: z.number().exactOptional(),
  sendsDate: z.boolean().exactOptional(),
  surplusItems: z.number().int().exactOptional(),
  hiddenRows: z
    .array(
      z.strictObject({
        listId: z.string(),
        memberId: z.string(),
        from: z.enum(["ASC", "DESC", "dated"]),
        leavesGap: z.boolean().exactOptional(),
      }),
    )
    .exactOptional(),
  omitsEmptyArrays: z.boolean().exactOptional(),
  wrongDataCenterWith: z.enum(["wrong_datacenter", "api_key_invalid"]).exactOptional(),
  listsTotalOff: z.number().int().exactOptional(),
  endlessLists: z.enum(["new", "repeated", "off"]).exactOptional(),
  gzip: z.boolean().exactOptional(),
  lostDeliveries: share,
  doubledDeliveries: share,
  lateDeliveries: share,
  strippedDeliveries: share,
})

export const faultSchema = z.strictObject({
  match: z
    .strictObject({
      path: z.string().exactOptional(),
      query: z.string().exactOptional(),
      method: z.string().exactOptional(),
      listId: z.string().exactOptional(),
      countAbove: z.number().int().exactOptional(),
    })
    .exactOptional(),
  action: faultActionSchema,
  skip: z.number().int().min(0).exactOptional(),
  /** -1 for every request from now on, because JSON has no infinity. */
  times: z
    .number()
    .int()
    .min(-1)
    .refine((times) => times !== 0, "must be -1 or at least 1")
    .exactOptional(),
  forMs: z.number().min(0).exactOptional(),
})

export const churnStartSchema = z.strictObject({
  everyPage: churnSchema,
  seed: z.number().int().exactOptional(),
  listId: z.string().exactOptional(),
})

export const disabledSchema = z.boolean()
