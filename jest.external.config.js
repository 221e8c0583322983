import fast from './jest.config.js';

/** Tests against programs a newcomer may not have (ffmpeg, openssl, mkvtoolnix, mosquitto, poppler, zbar, zsh, fish, Chromium); CI installs them. */
export default { ...fast, testMatch: ['**/*.external.test.ts'], testPathIgnorePatterns: ['/node_modules/'] };
