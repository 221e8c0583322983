/** What every AWS client of the backend is made with; credentials come from the SDK's own default chain. */
export interface AwsClientSettings {
  region: string;
  /** Replaces the region's public endpoint. */
  endpoint?: string | undefined;
}

/** The user is waiting: give up on a silent service early, and repeat what is safe to repeat. */
export function clientConfig({ region, endpoint }: AwsClientSettings) {
  return {
    region,
    ...(endpoint !== undefined && { endpoint }),
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000 },
  };
}
