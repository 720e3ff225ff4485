import { type JWTPayload, SignJWT } from "jose"

/** A token as the platform would sign it, with a secret. Valid for `lifeS` seconds. */
export function signToken(claims: JWTPayload, secret: string, lifeS: number): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt()
    .setExpirationTime(`${lifeS}s`)
    .sign(new TextEncoder().encode(secret))
}
