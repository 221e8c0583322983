import type { BatchFolder } from '../batch/batch-folder.ts';
import type { StepSettings } from '../batch/board-steps.ts';
import type { IotRegistry } from '../cloud/iot-registry.ts';
import type { IotUpkeep } from '../cloud/iot-upkeep.ts';
import type { BackendClient } from '../handover/backend-client.ts';
import type { Station } from '../handover/station-key.ts';
import type { StationRequests } from '../handover/station-requests.ts';
import type { Journal } from '../journal/journal.ts';
import type { BatchState } from '../journal/journal-state.ts';
import type { BoardIssued, DeviceChangePlanned } from '../journal/records.ts';

/** The backend, as a change speaks to it. */
export interface ChangeBackend {
  client: BackendClient;
  requests: StationRequests;
}

/** What changes of boards work with. */
export interface ChangeParts {
  journal: Journal;
  registry: IotRegistry;
  upkeep: IotUpkeep;
  station: Station;
  /** Undefined when none is configured: then only what needs none can be done. */
  backend: ChangeBackend | undefined;
  /** How boards of this batch are registered. */
  settings: StepSettings;
  folderOf: (batchId: string) => BatchFolder;
}

/** A change that was planned, on its way. */
export interface Change {
  planned: DeviceChangePlanned;
  /** What the board will be. */
  after: BoardIssued;
  /** What it is until the change is finished. */
  before: BoardIssued;
  /** Whose list it is in now. */
  batch: BatchState;
}
