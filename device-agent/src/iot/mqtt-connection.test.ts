import { MqttConnection } from './mqtt-connection.ts';
import { openMqttJsLink } from './mqtt-js-link.ts';
import { describeIotConnection } from './testing/describe-iot-connection.ts';

describeIotConnection(
  'mqtt.js',
  (deps) => new MqttConnection({ ...deps, loadDriver: () => Promise.resolve(openMqttJsLink) }),
);
