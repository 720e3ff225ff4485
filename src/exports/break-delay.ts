/** A reset drops bytes that the consumer has not received yet, so it is delayed a little after the last bytes. */
export const breakDelayMs = 500
