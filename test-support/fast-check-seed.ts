import fc from 'fast-check';

/**
 * Where FAST_CHECK_SEED is set, every property test draws the same values in each run, so that a red CI can be repeated;
 * elsewhere each run draws new ones, which is how rare cases are found. A failure prints its seed either way.
 */
const seed = process.env['FAST_CHECK_SEED'];
if (seed !== undefined) fc.configureGlobal({ seed: Number(seed) });
