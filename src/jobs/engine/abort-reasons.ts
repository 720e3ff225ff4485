import { AppError } from "../../errors.ts"

export const handedBack = new AppError(
  "draining",
  "Cannot continue the job here because the service is shutting down",
)

export const canceled = new AppError("disconnected", "Cannot continue the job because it was canceled")
