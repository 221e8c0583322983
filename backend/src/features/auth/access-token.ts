import { createSecretKey, type KeyObject, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';

/** One algorithm, here and nowhere else: a token naming another one is refused (RFC 8725, 3.1). */
const algorithm = 'HS256';
/** RFC 9068: an id token or anything else signed by us is no access token. */
const type = 'at+jwt';
const audience = 'aovis-app';

const claimsSchema = z.object({ sub: z.uuid(), sid: z.uuid() });

export interface AccessTokenOptions {
  secret: string;
  /** `iss`: the public address of the service. */
  issuer: string;
  ttlSeconds: number;
  clock: Clock;
}

export interface AccessTokenClaims {
  userId: string;
  sessionId: string;
}

/** Signs and checks our own access tokens. That the session still stands is for the caller to check. */
export class AccessTokens {
  readonly ttlSeconds: number;
  readonly #options: Omit<AccessTokenOptions, 'secret'>;
  /** A key, not a text: of a text jsonwebtoken first tries to make a public key, at every token. */
  readonly #key: KeyObject;

  constructor({ secret, ...options }: AccessTokenOptions) {
    this.#options = options;
    this.#key = createSecretKey(secret, 'utf8');
    this.ttlSeconds = options.ttlSeconds;
  }

  sign({ userId, sessionId }: AccessTokenClaims): string {
    const { issuer, ttlSeconds } = this.#options;
    const iat = this.#nowSeconds();
    const claims = { sid: sessionId, jti: randomUUID(), iat, exp: iat + ttlSeconds };
    return jwt.sign(claims, this.#key, {
      algorithm,
      issuer,
      audience,
      subject: userId,
      header: { alg: algorithm, typ: type },
    });
  }

  /** Undefined for whatever is not a valid access token of ours at this moment. */
  read(token: string): AccessTokenClaims | undefined {
    try {
      const { header, payload } = jwt.verify(token, this.#key, {
        algorithms: [algorithm],
        issuer: this.#options.issuer,
        audience,
        clockTimestamp: this.#nowSeconds(),
        complete: true,
      });
      const claims = claimsSchema.safeParse(payload);
      if (header.typ !== type || !claims.success) return undefined;
      if (typeof payload === 'string' || payload.exp === undefined) return undefined;
      return { userId: claims.data.sub, sessionId: claims.data.sid };
    } catch {
      return undefined;
    }
  }

  #nowSeconds(): number {
    return Math.floor(this.#options.clock.now().getTime() / 1_000);
  }
}
