import {
  DescribeJobExecutionCommand,
  GetJobDocumentCommand,
  IoTClient,
  type JobSummary,
  ListJobExecutionsForJobCommand,
  ListJobsCommand,
} from '@aws-sdk/client-iot';
import type { Endpoints } from './endpoints.ts';

const mostJobs = 20;

/** The latest jobs of this account, newest first: a line for each board that has one. */
export async function listJobs({
  region,
  iot: { controlUrl },
  accessKeyId,
  secretAccessKey,
}: Endpoints): Promise<string> {
  const iot = new IoTClient({
    region,
    endpoint: controlUrl,
    credentials: { accessKeyId, secretAccessKey },
  });
  try {
    const lines: string[] = [];
    for (const job of await latestJobs(iot)) lines.push(...(await linesOf(iot, job.jobId ?? '')));
    return lines.length === 0
      ? 'No board has been given a job. «npm run job -- <board> reboot» gives one.\n'
      : `${lines.join('\n')}\n`;
  } finally {
    iot.destroy();
  }
}

async function latestJobs(iot: IoTClient): Promise<JobSummary[]> {
  const all: JobSummary[] = [];
  for (let nextToken: string | undefined; ; ) {
    const page = await iot.send(new ListJobsCommand({ nextToken }));
    all.push(...(page.jobs ?? []));
    nextToken = page.nextToken;
    if (nextToken === undefined) break;
  }
  const madeAt = ({ createdAt }: JobSummary): number => createdAt?.getTime() ?? 0;
  return all.sort((a, b) => madeAt(b) - madeAt(a)).slice(0, mostJobs);
}

async function linesOf(iot: IoTClient, jobId: string): Promise<string[]> {
  const { document = '{}' } = await iot.send(new GetJobDocumentCommand({ jobId }));
  const { operation = '?' } = JSON.parse(document) as { operation?: string };
  const { executionSummaries = [] } = await iot.send(new ListJobExecutionsForJobCommand({ jobId }));
  return Promise.all(
    executionSummaries.map(async ({ thingArn = '' }) => {
      const thingName = thingArn.replace(/^.*\//, '');
      const { execution } = await iot.send(new DescribeJobExecutionCommand({ jobId, thingName }));
      const { status = '?', statusDetails, lastUpdatedAt } = execution ?? {};
      const said = statusDetails?.detailsMap?.['message'] ?? '';
      const at = lastUpdatedAt?.toISOString() ?? '';
      return `${at}  ${thingName}  ${operation.padEnd(18)}  ${status.padEnd(11)}  ${jobId}  ${said}`.trimEnd();
    }),
  );
}
