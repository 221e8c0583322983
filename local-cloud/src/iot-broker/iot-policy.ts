import type { PolicyDocument, PolicyStatement } from '../iot-core/registry.ts';

export type PolicyVerdict = 'allowed' | 'implicit-deny' | 'explicit-deny';

/** Values of condition keys that are no policy variables, `iot:ConnectAttributes` say. */
export type PolicyContext = Readonly<Record<string, string | readonly string[]>>;

/**
 * Evaluates AWS IoT policies (AWS IoT Developer Guide, "AWS IoT Core policies"): nothing is allowed unless a statement
 * says so, and one Deny outweighs every Allow. `*` and `?` are wildcards in Action and Resource; `+` and `#` are
 * ordinary characters. Variables (`${iot:ClientId}`) come from `variables`, by name without the braces; a statement
 * part with a variable that has no value matches nothing.
 */
export function evaluatePolicies(
  policies: readonly PolicyDocument[],
  action: string,
  resource: string,
  variables: Readonly<Record<string, string>>,
  context: PolicyContext = {},
): PolicyVerdict {
  return evaluateCompiled(compilePolicies(policies, variables), action, resource, context);
}

/** Policies with one connection's variables filled in, for evaluating them many times. */
export interface CompiledPolicies {
  statements: readonly {
    deny: boolean;
    actions: readonly string[];
    resources: readonly string[];
    condition: PolicyStatement['Condition'];
  }[];
  variables: Readonly<Record<string, string>>;
}

export function compilePolicies(
  policies: readonly PolicyDocument[],
  variables: Readonly<Record<string, string>>,
): CompiledPolicies {
  const patterns = (texts: string | string[]): string[] =>
    toList(texts)
      .map((text) => compilePattern(text, variables))
      .filter((pattern) => pattern !== undefined);
  return {
    variables,
    statements: policies
      .flatMap((policy) => policy.Statement)
      .map((statement) => ({
        deny: statement.Effect === 'Deny',
        actions: patterns(statement.Action),
        resources: patterns(statement.Resource),
        condition: statement.Condition,
      })),
  };
}

export function evaluateCompiled(
  { statements, variables }: CompiledPolicies,
  action: string,
  resource: string,
  context: PolicyContext = {},
): PolicyVerdict {
  let verdict: PolicyVerdict = 'implicit-deny';
  for (const statement of statements) {
    if (!statement.actions.some((pattern) => matchesPattern(pattern, action))) continue;
    if (!statement.resources.some((pattern) => matchesPattern(pattern, resource))) continue;
    if (!conditionHolds(statement.condition, variables, context)) continue;
    if (statement.deny) return 'explicit-deny';
    verdict = 'allowed';
  }
  return verdict;
}

// Wildcards become private-use characters, so that a `*` inside a variable's value stays an ordinary character.
const anyRun = '\uE000';
const anyOne = '\uE001';

/** The pattern with variables filled in; undefined when one has no value. */
function compilePattern(text: string, variables: Readonly<Record<string, string>>): string | undefined {
  let unresolved = false;
  const pattern = text.replace(/\$\{([^}]*)\}|\*|\?/g, (match, name: string | undefined) => {
    if (match === '*') return anyRun;
    if (match === '?') return anyOne;
    // `${*}`, `${?}` and `${$}` spell the characters themselves.
    if (name === '*' || name === '?' || name === '$') return name;
    const value = name !== undefined && Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined || value.includes(anyRun) || value.includes(anyOne)) unresolved = true;
    return value ?? '';
  });
  return unresolved ? undefined : pattern;
}

/** Glob matching in linear space and without backtracking over more than the last wildcard. */
function matchesPattern(pattern: string, text: string): boolean {
  let [p, t, resumePattern, resumeText] = [0, 0, -1, 0];
  while (t < text.length) {
    const wanted = pattern[p];
    if (wanted === anyRun) {
      resumePattern = p++;
      resumeText = t;
    } else if (wanted !== undefined && (wanted === anyOne || wanted === text[t])) {
      p++;
      t++;
    } else if (resumePattern >= 0) {
      p = resumePattern + 1;
      t = ++resumeText;
    } else {
      return false;
    }
  }
  while (pattern[p] === anyRun) p++;
  return p === pattern.length;
}

function conditionHolds(
  condition: PolicyStatement['Condition'],
  variables: Readonly<Record<string, string>>,
  context: PolicyContext,
): boolean {
  if (condition === undefined) return true;
  return Object.entries(condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, expected]) => {
      const actual = Object.hasOwn(context, key)
        ? context[key]
        : Object.hasOwn(variables, key)
          ? variables[key]
          : undefined;
      return operatorHolds(
        operator,
        actual === undefined ? undefined : toList(actual),
        toList(expected),
        variables,
      );
    }),
  );
}

/** An operator this evaluator does not know never holds: a condition it cannot judge must not grant anything. */
function operatorHolds(
  operator: string,
  actual: readonly string[] | undefined,
  expected: readonly string[],
  variables: Readonly<Record<string, string>>,
): boolean {
  const [, quantifier, name] = /^(?:(ForAllValues|ForAnyValue):)?(\w+)$/.exec(operator) ?? [];
  const ifExists = name?.endsWith('IfExists') === true;
  const base = ifExists ? name?.slice(0, -'IfExists'.length) : name;
  const compare = comparisons[base ?? ''];
  if (compare === undefined) return false;
  const { negated, test } = compare;
  const matches = (value: string): boolean =>
    expected.some((wanted) => test(value, wanted, variables)) !== negated;
  if (quantifier === 'ForAllValues') return (actual ?? []).every(matches);
  if (actual === undefined) return ifExists || negated;
  if (quantifier === 'ForAnyValue') return actual.some(matches);
  const [only] = actual;
  return only !== undefined && actual.length === 1 && matches(only);
}

interface Comparison {
  negated: boolean;
  test: (value: string, wanted: string, variables: Readonly<Record<string, string>>) => boolean;
}

const equals: Comparison['test'] = (value, wanted, variables) => {
  const pattern = compilePattern(
    wanted.replace(/[*?]/g, (mark) => `\${${mark}}`),
    variables,
  );
  return pattern !== undefined && pattern === value;
};
const like: Comparison['test'] = (value, wanted, variables) => {
  const pattern = compilePattern(wanted, variables);
  return pattern !== undefined && matchesPattern(pattern, value);
};
const comparisons: Readonly<Record<string, Comparison>> = {
  Bool: { negated: false, test: (value, wanted) => value.toLowerCase() === wanted.toLowerCase() },
  StringEquals: { negated: false, test: equals },
  StringNotEquals: { negated: true, test: equals },
  StringLike: { negated: false, test: like },
  StringNotLike: { negated: true, test: like },
};

function toList<T extends string>(value: T | readonly T[]): readonly T[] {
  return typeof value === 'string' ? [value] : value;
}
