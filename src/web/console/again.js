// A module that could not be loaded stops the page: it is loaded once more, and again no sooner than after a minute.
addEventListener('error', ({ target }) => {
  if (!(target instanceof HTMLScriptElement)) return;
  let last = 0;
  try {
    last = Number(sessionStorage.getItem('cordboard.again'));
    sessionStorage.setItem('cordboard.again', String(Date.now()));
  } catch {
    // Without a memory it would go on for ever.
    return;
  }
  if (Date.now() - last > 60_000) setTimeout(() => location.reload(), 1_000);
}, true);
