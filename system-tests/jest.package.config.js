import whole from './jest.config.js';

/** The agent's package, installed and run by a systemd of its own: needs Linux, root, dpkg, systemd and Debian's nodejs. */
export default { ...whole, testMatch: ['**/package/*.test.ts'], testPathIgnorePatterns: ['/node_modules/'] };
