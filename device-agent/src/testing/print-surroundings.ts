/** A program that says what the start of a bundled one has left it: bundled as the agent is, it shows what the agent finds. */
process.stdout.write(JSON.stringify({ bufferPoolBytes: Buffer.poolSize, environment: process.env }));
