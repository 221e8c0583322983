import { z } from 'zod';
import { AwsError } from './aws-error.ts';
import type { Principal } from './principal.ts';
import type { Store, Table } from './store.ts';

const oneOrMany = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const conditionSchema = z.partialRecord(
  z.enum(['StringEquals', 'StringNotEquals', 'StringLike', 'StringNotLike']),
  z.record(z.string(), oneOrMany),
);

/** The part of the IAM policy grammar that a role for boards needs; anything else is refused when the role is put. */
const statementSchema = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: oneOrMany,
  Resource: oneOrMany,
  Condition: conditionSchema.optional(),
});

export const rolePolicySchema = z.strictObject({
  Version: z.string().optional(),
  Id: z.string().optional(),
  Statement: z
    .union([statementSchema, z.array(statementSchema)])
    .transform((value) => [value].flat() as z.infer<typeof statementSchema>[]),
});

/** An assume-role policy document, of which the stand-in keeps the services that are allowed. */
const trustDocumentSchema = z
  .object({
    Statement: z.array(
      z.object({
        Effect: z.enum(['Allow', 'Deny']),
        Principal: z.object({ Service: oneOrMany }),
        Action: oneOrMany.refine((actions) => actions.includes('sts:AssumeRole'), 'must be sts:AssumeRole'),
      }),
    ),
  })
  .transform(({ Statement }) =>
    Statement.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Principal }) => Principal.Service),
  );

/** An IAM role as the stand-in knows it. `trust` names the services that may assume it, as a list or as a document. */
export const roleSchema = z.strictObject({
  roleName: z.string().regex(/^[\w+=,.@-]{1,64}$/, 'a role name has 1 to 64 of letters, digits and +=,.@_-'),
  trust: z.union([z.array(z.string()), trustDocumentSchema]).default(['credentials.iot.amazonaws.com']),
  maxSessionSeconds: z.int().min(3600).max(43_200).default(3600),
  policyDocument: rolePolicySchema,
});
export type Role = z.infer<typeof roleSchema>;
type Statement = z.infer<typeof statementSchema>;

/** The account's roles and what they allow (IAM User Guide, "Policy evaluation logic", one account, no boundaries). */
export class Iam {
  readonly #accountId: string;
  readonly #roles: Table<Role>;

  constructor(store: Store, accountId: string) {
    this.#accountId = accountId;
    this.#roles = store.table<Role>('iam-roles');
  }

  findRole(roleName: string): Role | undefined {
    return this.#roles.get(roleName);
  }

  roles(): Role[] {
    return [...this.#roles.values()];
  }

  putRole(role: Role): void {
    this.#roles.put(role.roleName, role);
  }

  deleteRole(roleName: string): boolean {
    return this.#roles.delete(roleName);
  }

  /** `arn:aws:iam::ACCOUNT:role/NAME`, with or without a path, → NAME; undefined for another account or no role ARN. */
  roleNameOf(arn: string): string | undefined {
    const match = /^arn:aws[\w-]*:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(arn);
    return match?.[1] === this.#accountId ? match[2] : undefined;
  }

  /**
   * Returns when the principal may do `action` on `resourceArn`; throws AccessDeniedException (403) with AWS's
   * sentence otherwise. The account's own key may do everything; a role what its policy document says now.
   */
  authorize(principal: Principal, action: string, resourceArn: string): void {
    if (principal.kind === 'account') return;
    const statements = this.#roles.get(principal.roleName)?.policyDocument.Statement ?? [];
    const variables = variablesOf(principal);
    const hits = statements.filter((statement) => applies(statement, action, resourceArn, variables));
    const denied = hits.some((statement) => statement.Effect === 'Deny');
    if (!denied && hits.length > 0) return;
    const session = `arn:aws:sts::${this.#accountId}:assumed-role/${principal.roleName}/${principal.certificateId}`;
    const why = denied
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
    throw new AwsError(
      'AccessDeniedException',
      403,
      `User: ${session} is not authorized to perform: ${action} on resource: ${resourceArn} ${why}`,
    );
  }
}

/** AWS IoT Developer Guide, "Authorizing direct calls to AWS services using AWS IoT Core credential provider". */
function variablesOf(principal: Extract<Principal, { kind: 'role' }>): Map<string, string> {
  const variables = new Map([['credentials-iot:AwsCertificateId', principal.certificateId]]);
  if (principal.thingName !== undefined) variables.set('credentials-iot:ThingName', principal.thingName);
  if (principal.thingTypeName !== undefined)
    variables.set('credentials-iot:ThingTypeName', principal.thingTypeName);
  return variables;
}

function applies(
  statement: Statement,
  action: string,
  resource: string,
  variables: ReadonlyMap<string, string>,
): boolean {
  return (
    statement.Action.some((pattern) => like(pattern.toLowerCase(), action.toLowerCase(), new Map())) &&
    statement.Resource.some((pattern) => like(pattern, resource, variables)) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys ?? {}).every(([key, patterns]) =>
        conditionHolds(operator, variables.get(key), patterns, variables),
      ),
    )
  );
}

function conditionHolds(
  operator: string,
  value: string | undefined,
  patterns: string[],
  variables: ReadonlyMap<string, string>,
): boolean {
  const negated = operator.includes('Not');
  const matches =
    value !== undefined &&
    patterns.some((pattern) =>
      operator.endsWith('Like') ? like(pattern, value, variables) : substituted(pattern, variables) === value,
    );
  return matches !== negated;
}

/** `*` and `?` stand for any characters, any one character; the value of a variable stands for itself only. */
function like(pattern: string, text: string, variables: ReadonlyMap<string, string>): boolean {
  let known = true;
  const source = pattern
    .split(/(\$\{[^}]+\}|\*|\?)/)
    .map((part) => {
      if (part === '*') return '.*';
      if (part === '?') return '.';
      if (!part.startsWith('${')) return escaped(part);
      const value = substituted(part, variables);
      known &&= value !== undefined;
      return escaped(value ?? '');
    })
    .join('');
  return known && new RegExp(`^${source}$`, 's').test(text);
}

/** Undefined when a variable has no value here: a statement that names it then matches nothing. */
function substituted(text: string, variables: ReadonlyMap<string, string>): string | undefined {
  let known = true;
  const result = text.replace(/\$\{([^}]+)\}/g, (_, name: string) => {
    // IAM's own escapes for the three characters that mean something.
    if (name === '*' || name === '?' || name === '$') return name;
    const value = variables.get(name);
    known &&= value !== undefined;
    return value ?? '';
  });
  return known ? result : undefined;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
