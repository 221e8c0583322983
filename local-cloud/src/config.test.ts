import { describe, expect, it } from '@jest/globals';
import { ConfigError, loadConfig, settings } from './config.ts';

describe('loadConfig', () => {
  it('has a default for every setting', () => {
    const config = loadConfig({});
    expect(Object.keys(config).sort()).toEqual(Object.keys(settings).sort());
    expect(config).toMatchObject({ region: 'us-east-1', accountId: '123456789012', mqttPort: 0 });
    expect(config.directory).toMatch(/\.local\/cloud$/);
  });

  it('reports every problem at once, in sentences', () => {
    const env = { LOCAL_CLOUD_MQTT_PORT: '99999', LOCAL_CLOUD_ACCOUNT_ID: '12', LOCAL_CLOUD_MQQT_PORT: '1' };
    try {
      loadConfig(env);
      throw new Error('it loaded');
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      expect(error.problems).toEqual([
        'LOCAL_CLOUD_ACCOUNT_ID="12": must be twelve digits. Account in ARNs; default 123456789012.',
        'LOCAL_CLOUD_MQTT_PORT="99999": must be a port number from 0 to 65535. Port of MQTT over TLS; default 0.',
        expect.stringMatching(/^LOCAL_CLOUD_MQQT_PORT is not a setting; there are LOCAL_CLOUD_DIR, /),
      ]);
    }
  });

  it('is named LOCAL_CLOUD_ throughout', () => {
    for (const { variable, about } of Object.values(settings)) {
      expect(variable).toMatch(/^LOCAL_CLOUD_[A-Z_]+$/);
      expect(about.length).toBeGreaterThan(10);
    }
  });
});
