import type { JobsState, StoredExecution } from './state.ts';

/** Whole seconds, as the jobs data plane writes times. */
export function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

/** JobExecutionSummary of the data plane. */
export function summaryOf(execution: StoredExecution) {
  return {
    jobId: execution.jobId,
    queuedAt: wholeSeconds(execution.queuedAt),
    ...(execution.startedAt === undefined ? {} : { startedAt: wholeSeconds(execution.startedAt) }),
    lastUpdatedAt: wholeSeconds(execution.lastUpdatedAt),
    versionNumber: execution.versionNumber,
    executionNumber: execution.executionNumber,
  };
}

/** The job's document as JSON. */
export function documentOf(state: JobsState, { jobId }: StoredExecution): unknown {
  return JSON.parse(state.jobs.get(jobId)?.document ?? '{}');
}

/** JobExecution of the data plane; over MQTT the document is JSON, over HTTP its text. */
export function executionView(
  state: JobsState,
  execution: StoredExecution,
  { document }: { document: 'json' | 'text' | 'none' },
) {
  const json = documentOf(state, execution);
  return {
    ...summaryOf(execution),
    thingName: execution.thingName,
    status: execution.status,
    statusDetails: execution.statusDetails,
    ...(document === 'none' ? {} : { jobDocument: document === 'json' ? json : JSON.stringify(json) }),
  };
}
