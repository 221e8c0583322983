import * as account from '@aovis/contracts/http/account';
import * as activation from '@aovis/contracts/http/activation';
import * as adminDevices from '@aovis/contracts/http/admin-devices';
import * as adminOperations from '@aovis/contracts/http/admin-operations';
import * as adminPeople from '@aovis/contracts/http/admin-people';
import * as adminPurchases from '@aovis/contracts/http/admin-purchases';
import * as adminStore from '@aovis/contracts/http/admin-store';
import * as auth from '@aovis/contracts/http/auth';
import * as commands from '@aovis/contracts/http/commands';
import * as dataPlans from '@aovis/contracts/http/data-plans';
import * as deviceShadow from '@aovis/contracts/http/device-shadow';
import * as devices from '@aovis/contracts/http/devices';
import * as factory from '@aovis/contracts/http/factory';
import * as health from '@aovis/contracts/http/health';
import * as ingestion from '@aovis/contracts/http/ingestion';
import * as line from '@aovis/contracts/http/line';
import * as reports from '@aovis/contracts/http/reports';
import type { RouteContract } from '@aovis/contracts/http/route';
import * as sharing from '@aovis/contracts/http/sharing';
import * as store from '@aovis/contracts/http/store';
import * as video from '@aovis/contracts/http/video';

/** Every route contract, as docs/openapi.json shows them; a test keeps it equal to what is mounted. */
export const apiContracts: readonly RouteContract[] = [
  adminDevices,
  adminOperations,
  adminPeople,
  adminPurchases,
  adminStore,
  account,
  auth,
  commands,
  dataPlans,
  devices,
  activation,
  deviceShadow,
  factory,
  health,
  ingestion,
  line,
  reports,
  sharing,
  store,
  video,
].flatMap((module) => Object.values(module).filter(isRouteContract));

function isRouteContract(value: unknown): value is RouteContract {
  return typeof value === 'object' && value !== null && 'operationId' in value && 'responses' in value;
}
