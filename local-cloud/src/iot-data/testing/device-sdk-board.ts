/**
 * A board on aws-iot-device-sdk-v2, in a process of its own: the SDK's streams keep the process that opened them alive
 * (1.28.0), whatever one closes. It connects with the identity of its first message, then does what it is told.
 */
import { iot, iotjobs, iotshadow, mqtt } from 'aws-iot-device-sdk-v2';
import type { BoardReport, BoardTask } from './device-sdk-client.ts';

let connection: mqtt.MqttClientConnection;
let shadows: iotshadow.IotShadowClientv2;
let jobs: iotjobs.IotJobsClientv2;

function report(message: BoardReport): void {
  process.send?.(message);
}

async function perform(task: BoardTask): Promise<unknown> {
  switch (task.do) {
    case 'connect': {
      const config = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder(task.certificatePem, task.keyPem)
        .with_certificate_authority(task.rootCaPem)
        .with_endpoint('localhost')
        .with_client_id(task.thingName)
        .with_clean_session(true)
        .build();
      config.port = task.port;
      connection = new mqtt.MqttClient().new_connection(config);
      connection.on('interrupt', () => report({ event: 'interrupt' }));
      const limits = {
        maxRequestResponseSubscriptions: 6,
        maxStreamingSubscriptions: 4,
        operationTimeoutInSeconds: 10,
      };
      shadows = iotshadow.IotShadowClientv2.newFromMqtt311(connection, limits);
      jobs = iotjobs.IotJobsClientv2.newFromMqtt311(connection, limits);
      return connection.connect();
    }
    case 'subscribe':
      return connection.subscribe(task.topic, mqtt.QoS.AtLeastOnce, (topic, payload) =>
        report({ event: 'message', content: [topic, Buffer.from(payload).toString('utf8')] }),
      );
    case 'publish':
      return connection.publish(task.topic, task.text, mqtt.QoS.AtLeastOnce);
    case 'getShadow':
      return shadows.getShadow(task.request);
    case 'updateShadow':
      return shadows.updateShadow(task.request);
    case 'deleteShadow':
      return shadows.deleteShadow(task.request);
    case 'getNamedShadow':
      return shadows.getNamedShadow(task.request);
    case 'updateNamedShadow':
      return shadows.updateNamedShadow(task.request);
    case 'pendingJobs':
      return jobs.getPendingJobExecutions(task.request);
    case 'startNextJob':
      return jobs.startNextPendingJobExecution(task.request);
    case 'describeJob':
      return jobs.describeJobExecution(task.request);
    case 'updateJob':
      return jobs.updateJobExecution({
        ...task.request,
        status: iotjobs.model.JobStatus[task.request.status],
      });
    case 'streamJobs': {
      const { kind, request } = task;
      if (kind === 'next') {
        const next = jobs.createNextJobExecutionChangedStream(request);
        next.on('incomingPublish', ({ message }) => report({ event: kind, content: message }));
        return opened(next);
      }
      const pending = jobs.createJobExecutionsChangedStream(request);
      pending.on('incomingPublish', ({ message }) => report({ event: kind, content: message }));
      return opened(pending);
    }
    case 'stream': {
      const { kind, request } = task;
      if (kind === 'delta') {
        const deltas = shadows.createNamedShadowDeltaUpdatedStream(request);
        deltas.on('incomingPublish', ({ message }) => report({ event: kind, content: message }));
        return opened(deltas);
      }
      const documents = shadows.createNamedShadowUpdatedStream(request);
      documents.on('incomingPublish', ({ message }) => report({ event: kind, content: message }));
      return opened(documents);
    }
  }
}

/** Resolves when the stream's subscription stands. */
async function opened(stream: {
  open(): void;
  on(event: 'subscriptionStatus', listener: () => void): unknown;
}): Promise<void> {
  return new Promise((resolve) => {
    stream.on('subscriptionStatus', () => resolve());
    stream.open();
  });
}

process.on('message', (task: BoardTask & { id: number }) => {
  perform(task).then(
    (result) => report({ id: task.id, result: result ?? null }),
    (error: Error & { modeledError?: unknown }) =>
      report({ id: task.id, error: { message: error.message, modeledError: error.modeledError } }),
  );
});
process.on('disconnect', () => process.exit());
