// Put into a page before its own scripts: what happens from a key that takes a caller to the caller's picture, and when an
// offer is drawn; in ms.
(() => {
  const watch = { steps: [], began: 0, offered: null };
  const step = what => { if (watch.began) watch.steps.push([what, Math.round(performance.now() - watch.began)]); };

  addEventListener('keydown', ({ key }) => {
    if (!/[0-9]/.test(key)) return;
    Object.assign(watch, { steps: [], began: performance.now() });
  }, true);

  const firstLine = text => {
    const [line = ''] = String(text).split('\r\n');
    const cseq = /^CSeq: *\d+ (\w+)/im.exec(text)?.[1] ?? '';
    return line.startsWith('SIP/2.0') ? `${line.split(' ')[1]} ${cseq}` : line.split(' ')[0];
  };
  window.WebSocket = class extends WebSocket {
    constructor(...rest) {
      super(...rest);
      this.addEventListener('message', ({ data }) => step(`< ${firstLine(data)}`));
    }

    send(text) {
      step(`> ${firstLine(text)}`);
      super.send(text);
    }
  };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...rest) {
      super(...rest);
      this.addEventListener('iceconnectionstatechange', () => step(`ice ${this.iceConnectionState}`));
      this.addEventListener('connectionstatechange', () => step(`connection ${this.connectionState}`));
      this.addEventListener('track', ({ track }) => track.addEventListener('unmute', () => step(`${track.kind} comes`)));
    }
  };

  const drawn = () => {
    const row = document.querySelector('.scroller li.offered');
    if (row && watch.offered === null) {
      watch.offered = 0;
      requestAnimationFrame(() => { watch.offered = performance.timeOrigin + performance.now(); });
    }
    if (!row) watch.offered = null;
    const video = document.querySelector('.them video');
    if (video && !video.isWatched) {
      video.isWatched = true;
      video.requestVideoFrameCallback(() => step('a frame'));
    }
  };
  new MutationObserver(drawn).observe(document, { subtree: true, childList: true, attributes: true });

  /** Resolves when the picture has this colour. */
  watch.shows = colour => new Promise(resolve => {
    const look = () => {
      const seen = window.probe.sees();
      if (!seen?.every((value, n) => Math.abs(value - colour[n]) < 60)) { setTimeout(look, 10); return; }
      step('the picture');
      resolve(watch.steps);
    };
    look();
  });
  window.stopwatch = watch;
})();
