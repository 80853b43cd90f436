// The same in a browser: the title says how it went, the page what failed.
const { outcome } = await import('./all.js');
document.body.textContent = outcome.failed.join('\n') || `${outcome.passed} passed`;
document.title = outcome.failed.length > 0 ? `failed: ${outcome.failed.length}` : `passed: ${outcome.passed}`;
