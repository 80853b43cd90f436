// node tests/console/run.mjs
const warn = console.warn;
console.warn = () => {};
const { outcome } = await import('./all.js');
console.warn = warn;
for (const failure of outcome.failed) console.error(failure);
console.log(`${outcome.passed} passed, ${outcome.failed.length} failed`);
// Timers of sessions may still run.
process.exit(outcome.failed.length > 0 ? 1 : 0);
