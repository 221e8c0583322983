import { alreadyExists, notFound } from './errors.ts';
import type { IotState, StoredRoleAlias } from './state.ts';

/** Seconds that credentials live when neither the caller nor the alias says otherwise. */
const defaultDurationSeconds = 3600;

/** Role aliases: what a board names instead of an IAM role. */
export class RoleAliases {
  readonly #state: IotState;

  constructor(state: IotState) {
    this.#state = state;
  }

  create(roleAlias: string, roleArn: string, durationSeconds: number | undefined): StoredRoleAlias {
    const roleAliasArn = this.#state.arn('rolealias', roleAlias);
    if (this.#state.roleAliases.has(roleAlias))
      throw alreadyExists(`Role alias ${roleAlias} already exists`, roleAlias, roleAliasArn);
    const now = this.#state.clock.now();
    const stored: StoredRoleAlias = {
      roleAlias,
      roleAliasArn,
      roleArn,
      credentialDurationSeconds: durationSeconds ?? defaultDurationSeconds,
      createdAt: now,
      lastModifiedAt: now,
    };
    this.#state.roleAliases.put(roleAlias, stored);
    return stored;
  }

  find(roleAlias: string): StoredRoleAlias | undefined {
    return this.#state.roleAliases.get(roleAlias);
  }

  get(roleAlias: string): StoredRoleAlias {
    const stored = this.find(roleAlias);
    if (stored === undefined) throw notFound(`Role alias ${roleAlias} was not found`);
    return stored;
  }

  list(): StoredRoleAlias[] {
    return [...this.#state.roleAliases.values()];
  }

  update(
    roleAlias: string,
    roleArn: string | undefined,
    durationSeconds: number | undefined,
  ): StoredRoleAlias {
    const before = this.get(roleAlias);
    const stored: StoredRoleAlias = {
      ...before,
      roleArn: roleArn ?? before.roleArn,
      credentialDurationSeconds: durationSeconds ?? before.credentialDurationSeconds,
      lastModifiedAt: this.#state.clock.now(),
    };
    this.#state.roleAliases.put(roleAlias, stored);
    return stored;
  }

  delete(roleAlias: string): void {
    this.get(roleAlias);
    this.#state.roleAliases.delete(roleAlias);
  }
}
