/**
 * The import arrows of the project (docs/architecture.md): who may know whom. `npm run check:arrows` fails
 * on any import that runs against them, and on every cycle.
 */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: {
    path: '^(?!node_modules)[a-z-]+/',
    pathNot: allowed,
    dependencyTypesNot: ['core'],
  },
});

const tests = '(\\.test\\.ts$|/testing/)';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    only(
      'contracts-alone',
      '^contracts/',
      '^contracts/',
      'contracts is imported, it imports nothing of ours',
    ),
    only(
      'local-cloud-alone',
      '^local-cloud/',
      '^(local-cloud|test-support)/',
      'a stand-in shares no code with what it serves',
    ),
    only('migrations-alone', '^migrations/', '^migrations/', 'the schema stands below the programs'),
    only('dev-database', '^dev-database/', '^(dev-database|migrations|test-support)/', ''),
    {
      ...only('backend', '^backend/', '^(backend|contracts|migrations)/', ''),
      from: { path: '^backend/', pathNot: tests },
    },
    {
      ...only('device-agent', '^device-agent/', '^(device-agent|contracts)/', ''),
      from: { path: '^device-agent/', pathNot: tests },
    },
    {
      ...only('provisioning-tool', '^provisioning-tool/', '^(provisioning-tool|contracts)/', ''),
      from: { path: '^provisioning-tool/', pathNot: tests },
    },
    {
      name: 'programs-do-not-know-the-stand-ins',
      comment: 'production code never imports the laptop system; tests may start it as a process',
      severity: 'error',
      from: { path: '^(contracts|backend|device-agent|provisioning-tool)/' },
      to: { path: '^(local-cloud|simulator|system-tests|bench)/' },
    },
    {
      name: 'nothing-imports-the-top',
      severity: 'error',
      from: { pathNot: '^(system-tests|bench)/' },
      to: { path: '^(system-tests|bench)/' },
    },
    {
      name: 'backend-arrows-rules-below-services-below-routes',
      comment: 'rules <- service <- routes <- mount <- app <- compose <- main',
      severity: 'error',
      from: { path: '^backend/src/(features|kernel|db|aws|jobs|outbox|stripe|eiotclub)/', pathNot: tests },
      to: { path: '^backend/src/((app|compose|main)\\.ts$|composition/)' },
    },
    {
      name: 'backend-services-do-not-know-http',
      severity: 'error',
      from: { path: '^backend/src/(kernel|db|aws)/|^backend/src/features/.*-(service|repository)\\.ts$' },
      to: { path: '^backend/src/http/|-routes\\.ts$' },
    },
    {
      name: 'backend-features-keep-their-repositories',
      comment: "a feature calls another feature's service, never its repository",
      severity: 'error',
      from: { path: '^backend/src/features/([^/]+)/', pathNot: tests },
      to: { path: '^backend/src/features/[^/]+/.*-repository\\.ts$', pathNot: '^backend/src/features/$1/' },
    },
    {
      name: 'only-aws-folder-knows-the-sdk',
      severity: 'error',
      from: { path: '^backend/src/', pathNot: '^backend/src/aws/' },
      to: { path: '@aws-sdk/' },
    },
    {
      name: 'only-stripe-folder-knows-stripe',
      severity: 'error',
      from: { path: '^backend/src/', pathNot: `^backend/src/stripe/|${tests}` },
      to: { path: 'node_modules/stripe/' },
    },
    only(
      'api-client-alone',
      '^api-client/',
      '^api-client/',
      'made from docs/openapi.json, as any client could be',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules|coverage|\\.local)/' },
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
