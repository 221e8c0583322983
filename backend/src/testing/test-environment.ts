/** A complete environment for `loadConfig`. The secrets are canaries: tests look for them where they must not be. */
export function testEnvironment(databaseUrl: string): Record<string, string> {
  return {
    AOVIS_ENVIRONMENT: 'development',
    DATABASE_URL: databaseUrl,
    AOVIS_PUBLIC_URL: 'http://127.0.0.1',
    AOVIS_REQUESTS_PER_MINUTE: '100000',
    AOVIS_ACCESS_TOKEN_SECRET: 'canary-access-8c1f0e7ab2d9436f5e01c7d2',
    AOVIS_SESSION_SECRET: 'canary-session-5d20b9e1f7c84a63d91e0b4f',
    AOVIS_IOT_EVENT_SECRET: 'canary-forwarder-e37a10c5d8f2496b07ac51',
    AOVIS_ACTIVATION_PEPPERS: `p1:${'0123456789abcdef'.repeat(4)}`,
    AOVIS_SMTP_URL: 'smtp://mailer:canary-smtp-41d7@127.0.0.1:1',
    AOVIS_IOT_DATA_URL: 'http://127.0.0.1:1',
  };
}
