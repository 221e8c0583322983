import { ApiError, type Body } from './fake-iot-wire.ts';

export interface FakeThing {
  type: string;
  attributes: Record<string, string>;
  principals: Set<string>;
  groups: Set<string>;
}

export interface FakeCertificate {
  pem: string;
  status: string;
  policies: Set<string>;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** What the fake AWS IoT has: tests look into it, and break it. */
export class FakeIotAccount {
  readonly policies = new Set<string>();
  readonly thingTypes = new Set<string>();
  readonly thingGroups = new Set<string>();
  readonly roleAliases = new Set<string>();
  readonly cas = new Map<string, { pem: string; status: string; mode: string }>();
  readonly certificates = new Map<string, FakeCertificate>();
  readonly things = new Map<string, FakeThing>();
  readonly registrationCode = 'f'.repeat(64);

  /** What `batch run` expects to find in an account. */
  prepare(): void {
    this.policies.add('aovis-board');
    this.thingTypes.add('aovis-camera');
    this.roleAliases.add('aovis-board-video');
  }

  /** As AWS does: 404 when it is not there. */
  get<T>(map: Map<string, T>, name: string): T {
    const found = map.get(name);
    if (found === undefined) throw new ApiError(404, 'ResourceNotFoundException', `${name} not found`);
    return found;
  }

  named(names: Set<string>, name: string, body: Body): Body {
    if (!names.has(name)) throw new ApiError(404, 'ResourceNotFoundException', `${name} not found`);
    return body;
  }
}
