import { loadDriver } from './load-driver.ts';
import { MqttConnection } from './mqtt-connection.ts';
import { describeIotConnection } from './testing/describe-iot-connection.ts';

describeIotConnection(
  'aws-iot-device-sdk-v2',
  (deps) => new MqttConnection({ ...deps, loadDriver: () => loadDriver('aws-crt') }),
);
