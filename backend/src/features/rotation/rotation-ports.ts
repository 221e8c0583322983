/** A job execution as operators see it. */
export interface BoardJob {
  status: string;
  details: Readonly<Record<string, string>>;
  version: number;
}

/** AWS IoT Jobs, from the operator's side. */
export interface BoardJobs {
  /** For one board. The same job id again changes nothing. `timeoutMinutes`: from the moment the board begins. */
  create(job: { jobId: string; deviceId: string; document: object; timeoutMinutes: number }): Promise<void>;
  /** Undefined when there is no such job for the board. */
  find(deviceId: string, jobId: string): Promise<BoardJob | undefined>;
  /**
   * Replaces the details of a job under way; false when it is not at `expectedVersion` any more: the board, or another operator,
   * was faster.
   */
  setDetails(
    deviceId: string,
    jobId: string,
    change: { details: Readonly<Record<string, string>>; expectedVersion: number },
  ): Promise<boolean>;
}

/** The certificates of boards in AWS IoT Core's registry, by their ids. */
export interface BoardCertificates {
  /** Those attached to the board's thing. */
  of(deviceId: string): Promise<string[]>;
  /**
   * Issues one for the request, ACTIVE, attached to the board's thing, with the policies of another of its certificates. Inactive until it
   * has both: a crash leaves none behind that could connect.
   */
  issue(request: {
    deviceId: string;
    csrDer: Uint8Array;
    policiesOf: string;
  }): Promise<{ certificateId: string; der: Uint8Array }>;
  isActive(certificateId: string): Promise<boolean>;
  /** Puts one out of use: INACTIVE, and no longer the board's. Safe to repeat. */
  retire(deviceId: string, certificateId: string): Promise<void>;
}
