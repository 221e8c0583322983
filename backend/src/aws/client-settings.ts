/** What every AWS client of the backend is made with; credentials come from the SDK's own default chain. */
export interface AwsClientSettings {
  region: string;
  /** Replaces the region's public endpoint. */
  endpoint?: string | undefined;
}

export interface ClientLimits {
  /** A call without an answer ends after so long. */
  requestTimeoutMs?: number;
  /** And an answer in which nothing comes any more. */
  idleTimeoutMs?: number;
  /** Calls in all for one: throttling, 5xx and cut connections are repeated. */
  maxAttempts?: number;
}

/** The user is waiting: give up on a silent service early, and repeat what is safe to repeat. */
export function clientConfig(
  { region, endpoint }: AwsClientSettings,
  { requestTimeoutMs = 5_000, idleTimeoutMs, maxAttempts = 3 }: ClientLimits = {},
) {
  return {
    region,
    ...(endpoint !== undefined && { endpoint }),
    maxAttempts,
    requestHandler: {
      connectionTimeout: 2_000,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
      ...(idleTimeoutMs !== undefined && { socketTimeout: idleTimeoutMs }),
    },
  };
}
