/** A promise about the API's security, and the tests that hold it: files of the repository and words of their titles. */
export interface SecurityCheck {
  promise: string;
  /** OWASP API Security Top 10 (2023) by `API n`, OWASP ASVS 5.0 by number. */
  reference: string;
  tests: readonly (readonly [file: string, title: string])[];
}

const matrix = 'backend/src/security/authorization-matrix.http.test.ts';
const allRoutes = 'backend/src/security/all-routes.http.test.ts';
const http = 'backend/src/http/http.http.test.ts';
const auth = 'backend/src/features/auth/auth.http.test.ts';
const orders = 'backend/src/features/orders/order-webhook.http.test.ts';
const plans = 'backend/src/features/data-plans/data-plans.http.test.ts';

/** The list that the security of this API is measured by. */
export const securityChecks: readonly SecurityCheck[] = [
  {
    promise: 'Every route refuses who may not call it, by a matrix of all routes and all kinds of people.',
    reference: 'API1, 8.2.2',
    tests: [[matrix, 'as %s']],
  },
  {
    promise: 'Somebody else’s thing and one that does not exist are answered in the same bytes.',
    reference: '6.3.8',
    tests: [
      [matrix, 'tells a stranger nothing about whether a device exists'],
      [
        'backend/src/features/devices/devices.http.test.ts',
        'a wrong code and an unknown device in the same bytes',
      ],
      ['backend/src/features/sharing/sharing.http.test.ts', 'answer all bad tokens in the same bytes'],
    ],
  },
  {
    promise:
      'Who knows one id knows no other: ids are random, and the device ids that are not prove nothing.',
    reference: 'API1',
    tests: [
      [matrix, 'tells a stranger nothing about whether a device exists'],
      ['backend/src/features/devices/activation-service.db.test.ts', 'is slowed down over many devices'],
    ],
  },
  {
    promise: 'No body sets what it may not set.',
    reference: 'API3, 15.3.3',
    tests: [[allRoutes, '%s names each of them and does nothing']],
  },
  {
    promise: 'No answer shows a secret, a whole card number, or more than its contract names.',
    reference: 'API3, 15.3.1, 14.2.6',
    tests: [
      [allRoutes, 'answers with what is secret'],
      [allRoutes, 'answers with more than its contract names'],
      ['backend/src/features/admin/admin.http.test.ts', 'with masks on'],
    ],
  },
  {
    promise: 'Routes of staff are for staff.',
    reference: 'API5, 8.2.1',
    tests: [[matrix, 'as %s']],
  },
  {
    promise: 'A role that changes and a session that ends act at once, at every instance.',
    reference: '8.3.2, 7.4.1',
    tests: [
      ['backend/src/features/admin/admin.http.test.ts', 'changes a role at once'],
      ['system-tests/many-instances.test.ts', 'end a session at all of them at once'],
    ],
  },
  {
    promise: 'An access token is right in everything or good for nothing.',
    reference: 'API2, 9.1.1–9.2.3',
    tests: [
      [matrix, 'with a token that is not good'],
      ['backend/src/features/auth/access-token.test.ts', 'refuses a token signed with a private key'],
      [auth, 'do not take a refresh token for an access token'],
      ['backend/src/features/auth/id-token-verifier.test.ts', 'refuses'],
    ],
  },
  {
    promise:
      'A refresh token that is used again ends its family; many that ask at once get the same successor.',
    reference: '10.4.5',
    tests: [
      [auth, 'gives 50 that ask at once, on two instances, the same successor'],
      [auth, 'ends the family at once when the successor was used already'],
    ],
  },
  {
    promise: 'A mailed link works once, in time, for who asked for it, and not by being looked at.',
    reference: '6.5.1, 6.5.5, 6.6.2',
    tests: [
      [auth, 'work once, for exactly one of many at once'],
      [auth, 'work only for who asked'],
      [auth, 'expire after ten minutes'],
      [auth, 'are not used up by opening the page'],
    ],
  },
  {
    promise:
      'Limits count by address, account and target, for all instances together, and believe no header.',
    reference: 'API4, 2.4.1, 4.1.3',
    tests: [
      [http, 'count for all instances of one database together'],
      [http, 'do not believe X-Forwarded-For without a proxy'],
      [auth, 'are limited for each address, on all instances together'],
      [
        'backend/src/features/devices/activation-service.db.test.ts',
        'is slowed down for the guesser and not for the owner',
      ],
      ['system-tests/many-instances.test.ts', 'count the attempts of one address together'],
    ],
  },
  {
    promise: 'Nothing without end is read: bodies, depth, lists, texts, pages, slow requests.',
    reference: 'API4, 15.2.2',
    tests: [
      [http, 'with %s is refused'],
      [allRoutes, 'takes a text or a list without end'],
      ['backend/src/http/drain.test.ts', 'lets a request under way end, and cuts what does not'],
    ],
  },
  {
    promise:
      'A webhook without a secret says so; every kind of bad signature is refused before anything is read.',
    reference: '4.1.5',
    tests: [
      [orders, 'without a secret says that it is not configured, whatever came'],
      [orders, 'and then what it is: JSON, an event, of the right mode'],
      [
        'backend/src/stripe/stripe-signatures.test.ts',
        'takes what Stripe’s library signed, up to five minutes off, old or ahead',
      ],
      ['backend/src/stripe/stripe-signatures.test.ts', 'refuses a body that differs by a byte'],
      [plans, 'is refused while no secret is set, with 500'],
    ],
  },
  {
    promise: 'Signatures of any length and alphabet are compared without an error, in constant time.',
    reference: '11.2.4',
    tests: [
      ['backend/src/features/ingestion/signature.test.ts', 'never throws and never lets anything else in'],
      [
        'backend/src/eiotclub/eiotclub-notices.test.ts',
        'never throws and never lets in what the key holder did not sign',
      ],
    ],
  },
  {
    promise: 'A board’s message counts once, by a key in the database.',
    reference: '15.4.2',
    tests: [
      [
        'backend/src/features/ingestion/ingestion-service.db.test.ts',
        'stores an event once though it comes 100 times at once',
      ],
      [
        'backend/src/features/ingestion/ingestion-service.db.test.ts',
        'audits a bad signature without its parts',
      ],
      ['system-tests/backend-kill.test.ts', 'is stored once when the database is killed'],
    ],
  },
  {
    promise: 'Fifty who claim one device at once: one has it.',
    reference: '2.3.4, 15.4.2',
    tests: [
      [
        'backend/src/features/devices/activation-service.db.test.ts',
        'has one winner when 50 users claim one device at once',
      ],
      ['system-tests/many-instances.test.ts', 'to exactly one of'],
    ],
  },
  {
    promise: 'A carrier’s message that was split anew is refused although its signature fits.',
    reference: 'EIOTCLUB signs unescaped values',
    tests: [
      [plans, 'that was split anew is refused, kept nowhere and audited'],
      ['backend/src/eiotclub/signature.test.ts', 'has the same signature, which is why it must be found out'],
    ],
  },
  {
    promise: 'Secrets are in no log, no file, no database column in clear, no command line, no answer.',
    reference: '16.2.5',
    tests: [
      ['system-tests/secrets.test.ts', 'are in no log and in no other file'],
      ['system-tests/secrets.test.ts', 'are not in the database in clear'],
      ['system-tests/secrets.test.ts', 'are in no command line'],
      [auth, 'leaves no token and no secret in the log or the database'],
    ],
  },
  {
    promise: 'Nobody writes lines of their own into the log.',
    reference: '16.4.1',
    tests: [[http, 'cannot put lines of its own into the log']],
  },
  {
    promise: 'The audit log only grows, and shows every edit, removal, move and cut.',
    reference: '16.4.2, 16.4.3',
    tests: [
      ['backend/src/features/audit/audit-log.db.test.ts', 'UPDATE audit_log'],
      ['backend/src/features/audit/audit-log.db.test.ts', 'finds a cut end that also mended the head'],
    ],
  },
  {
    promise: 'Refusals are audited, in the transaction of what they belong to, and cannot fill the log.',
    reference: '16.3.1–16.3.3',
    tests: [
      ['backend/src/features/audit/audit-log.db.test.ts', 'rolls back with the change it belongs to'],
      ['backend/src/features/audit/refusal-budget.test.ts', 'lets a burst of 60 through'],
      ['backend/src/http/role-guard.db.test.ts', 'the guard of roles'],
      [
        'backend/src/features/webhooks/signed-webhook-service.db.test.ts',
        'lets a signed body in, and audits one that is not',
      ],
    ],
  },
  {
    promise: 'The backend calls no address that a request names.',
    reference: 'API7, 1.3.6, 15.3.2',
    tests: [[allRoutes, 'takes an address to call']],
  },
  {
    promise: 'What partners answer is read by a schema, within a time.',
    reference: 'API10, 16.5.2',
    tests: [
      ['backend/src/eiotclub/eiotclub-carrier.db.test.ts', 'is not believed when its answer does not fit'],
      ['backend/src/eiotclub/eiotclub-carrier.db.test.ts', 'is not queued for without end'],
      [
        'backend/src/stripe/stripe-events.test.ts',
        'understands an object or refuses it, and never takes half of one',
      ],
      ['backend/src/aws/archived-media.test.ts', 'requestTimeoutMs'],
    ],
  },
  {
    promise: 'Origins are allowed one by one.',
    reference: '3.4.2',
    tests: [[http, 'from a known origin is allowed across origins']],
  },
  {
    promise: 'A cookie changes nothing for a page of another origin.',
    reference: '3.5.1, 3.5.2',
    tests: [['backend/src/features/auth/web-session.http.test.ts', 'csrf_refused']],
  },
  {
    promise: 'Every answer has safe headers and says nothing of what it was made with.',
    reference: '3.4.x, 14.3.2',
    tests: [[http, 'gets safe headers, and no word on what we are made of']],
  },
  {
    promise: 'An error that nobody expected is told by its request id alone.',
    reference: '16.5.1, 16.5.4',
    tests: [
      [orders, 'takes nothing when it fails at any statement'],
      ['backend/src/http/fuzz.http.test.ts', 'no request makes a route fail'],
    ],
  },
  {
    promise: 'Prototypes, repeated parameters and wrong types confuse no route.',
    reference: '15.3.5–15.3.7',
    tests: [
      [allRoutes, '%s is not confused by prototypes'],
      ['backend/src/http/fuzz.http.test.ts', 'no request makes a route fail'],
    ],
  },
  {
    promise: 'Other methods are refused, and the document has every route and no other.',
    reference: 'API9, 4.1.4, 13.4.4',
    tests: [
      [http, 'is told which methods there are'],
      [http, 'has every mounted route, and nothing else'],
    ],
  },
  {
    promise: 'A device has one trial, ever; stock and orders cannot be taken twice.',
    reference: 'API6, 2.3.2',
    tests: [
      [
        'backend/src/features/entitlements/testing/entitlement-repository-contract.ts',
        'gives a device one trial, ever',
      ],
      [
        'backend/src/features/sharing/sharing.http.test.ts',
        'give no second trial, however often a device changes hands',
      ],
      [
        'backend/src/features/orders/checkout.http.test.ts',
        'takes the same order once under one Idempotency-Key',
      ],
    ],
  },
  {
    promise: 'A program with weak secrets, test keys or plain http does not start in production.',
    reference: '13.2.3',
    tests: [
      ['backend/src/config/config.test.ts', 'plain http in production'],
      ['backend/src/config/stripe-settings.test.ts', 'a test key in production'],
    ],
  },
  {
    promise: 'The success page tells guest and stranger the same bytes.',
    reference: '14.3',
    tests: [
      [
        'backend/src/features/orders/checkout.http.test.ts',
        'tells the owner alone what was ordered; guest and stranger read the same bytes',
      ],
    ],
  },
];
