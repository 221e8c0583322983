/** Who signed a request: the account itself, or a role that a board assumed through the credential provider. */
export type Principal =
  | { kind: 'account'; accessKeyId: string }
  | {
      kind: 'role';
      accessKeyId: string;
      roleName: string;
      thingName: string | undefined;
      thingTypeName?: string;
      certificateId: string;
    };

/** What a role may do: throws AccessDeniedException unless the principal may do `action` on `resourceArn`. */
export interface Authorizer {
  authorize(principal: Principal, action: string, resourceArn: string): void;
}

export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
  /** Present for temporary credentials; requests must carry it in `x-amz-security-token`. */
  sessionToken?: string;
  /** Milliseconds since the epoch; absent for keys that do not expire. */
  expiresAt?: number;
  principal: Principal;
}

/** The access keys the stand-in knows. */
export class AccessKeys {
  readonly #keys = new Map<string, AccessKey>();

  add(key: AccessKey): void {
    this.#keys.set(key.accessKeyId, key);
  }

  find(accessKeyId: string): AccessKey | undefined {
    return this.#keys.get(accessKeyId);
  }

  /** Makes every temporary key invalid from `now` on, as the fault «credentials expire». */
  expireTemporary(now: number): void {
    for (const key of this.#keys.values()) if (key.sessionToken !== undefined) key.expiresAt = now;
  }
}
