import {
  ListServiceQuotasCommand,
  type ServiceQuota,
  ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import { cloudFailureOf } from './aws-errors.ts';

export interface QuotaReading {
  region: string;
  /** Instead of the region's public endpoint. */
  url: string | undefined;
  requestTimeoutMs: number;
  signal: AbortSignal;
}

/** AWS IoT Core's name at Service Quotas. */
const serviceCode = 'iotcore';
const perPage = 100;
/** The service has some 200 quotas; whoever sends more pages than this is not Service Quotas. */
const mostPages = 50;
/** In all. Without an answer there are AWS's defaults, so nobody is kept waiting. */
const patienceMs = 10_000;

/**
 * Calls a second that AWS IoT Core admits from this account in this region, by operation, as Service Quotas has them
 * (API Reference, ListServiceQuotas): raised ones included; operations that it does not list are missing.
 * @throws CloudFailure
 */
export async function readAccountQuotas(reading: QuotaReading): Promise<Map<string, number>> {
  const { region, url, requestTimeoutMs, signal } = reading;
  const client = new ServiceQuotasClient({
    region,
    ...(url ? { endpoint: url } : {}),
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: Math.min(requestTimeoutMs, patienceMs),
      throwOnRequestTimeout: true,
    },
  });
  try {
    const stop = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    // Looking for credentials takes its time too, and does not listen to signals.
    return await Promise.race([readPages(client, stop), aborted(stop)]);
  } catch (error) {
    signal.throwIfAborted();
    throw cloudFailureOf('ListServiceQuotas', error);
  } finally {
    client.destroy();
  }
}

async function readPages(
  client: ServiceQuotasClient,
  abortSignal: AbortSignal,
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  let token: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const answer = await client.send(
      new ListServiceQuotasCommand({ ServiceCode: serviceCode, MaxResults: perPage, NextToken: token }),
      { abortSignal },
    );
    for (const quota of answer.Quotas ?? []) {
      const operation = operationOf(quota);
      if (operation !== undefined) found.set(operation, quota.Value as number);
    }
    token = answer.NextToken;
    if (!token) break;
  }
  return found;
}

/** `CreateThing` of the quota «CreateThing API TPS»; undefined of those that say something else. */
function operationOf({ QuotaName, Value, Period }: ServiceQuota): string | undefined {
  const isRate = Period === undefined || (Period.PeriodUnit === 'SECOND' && Period.PeriodValue === 1);
  if (!isRate || Value === undefined || !Number.isFinite(Value) || Value <= 0) return undefined;
  return /^(\w+) API TPS$/.exec(QuotaName ?? '')?.[1];
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
