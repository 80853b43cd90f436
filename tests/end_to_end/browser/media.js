"use strict";
// What every page of the tests has: settings, reports to the test, a microphone that is a tone, a camera that is a
// colour, and ears and eyes that report what comes.

/** What the test wants of this page, as JSON behind the `#` of its address. */
const settings = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}");

/** Reports go to the test by a WebSocket: JSON as text, sound as samples. */
const reports = (() => {
  const socket = settings.reports ? new WebSocket(settings.reports) : null;
  const waiting = [];
  if (socket) socket.onopen = () => waiting.splice(0).forEach(message => socket.send(message));
  const send = message => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(message);
    else waiting.push(message);
  };
  return {
    tell: message => { console.log(JSON.stringify(message)); send(JSON.stringify(message)); },
    sees: colour => send(JSON.stringify({ sees: colour })),
    hears: samples => send(samples),
  };
})();

addEventListener("error", event => reports.tell({ type: "FAULT", text: event.message }));
addEventListener("unhandledrejection", event => reports.tell({ type: "FAULT", text: String(event.reason) }));

/** The middle value of each channel of a picture; where a quarter of it looks otherwise, of that quarter. */
function colour(draw, width, height) {
  const [halfWidth, halfHeight] = [width / 2, height / 2];
  const middle = (...area) => median(draw.getImageData(...area).data);
  const whole = middle(0, 0, width, height);
  const corners = [[0, 0], [halfWidth, 0], [0, halfHeight], [halfWidth, halfHeight]];
  const quarters = corners.map(corner => middle(...corner, halfWidth, halfHeight));
  return quarters.find(quarter => quarter.some((value, n) => Math.abs(value - whole[n]) > 60)) ?? whole;
}

function median(points) {
  return [0, 1, 2].map(channel => {
    const values = points.filter((_, n) => n % 4 === channel).sort();
    return values[values.length >> 1];
  });
}

/** A microphone and a camera of one's own, and what listens and looks. */
class Senses {
  static async open() {
    const senses = new Senses();
    senses.context = new AudioContext();
    await senses.context.resume();
    await senses.context.audioWorklet.addModule("tap.js");
    senses.ears = new AudioWorkletNode(senses.context, "tap", { channelCount: 1, channelCountMode: "explicit" });
    senses.ears.port.onmessage = event => reports.hears(event.data);
    // What leads nowhere is not listened to; what comes out is silence.
    senses.ears.connect(senses.context.destination);
    reports.tell({ rate: senses.context.sampleRate });
    senses.sources = [];
    senses.look();
    return senses;
  }

  microphone() {
    const tone = new OscillatorNode(this.context, { frequency: settings.tone ?? 1000 });
    const level = new GainNode(this.context, { gain: 0.5 });
    const out = new MediaStreamAudioDestinationNode(this.context, { channelCount: 1 });
    tone.connect(level).connect(out);
    tone.start();
    return out.stream.getAudioTracks()[0];
  }

  camera() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = settings.size ?? [352, 288];
    const draw = canvas.getContext("2d");
    const [red, green, blue] = settings.colour ?? [128, 128, 128];
    const paint = () => {
      draw.fillStyle = `rgb(${red} ${green} ${blue})`;
      draw.fillRect(0, 0, canvas.width, canvas.height);
      // So that every picture carries something.
      draw.fillStyle = "rgb(128 128 128 / 10%)";
      for (let n = 0; n < 50; n++) {
        draw.fillRect(Math.random() * canvas.width, Math.random() * canvas.height, 4, 4);
      }
    };
    paint();
    setInterval(paint, 100);
    return canvas.captureStream(10).getVideoTracks()[0];
  }

  /** Both, as a stream. */
  stream(withVideo) {
    return new MediaStream([this.microphone(), ...(withVideo ? [this.camera()] : [])]);
  }

  /** Listens to, or looks at, what comes by this track. */
  takes(track) {
    const stream = new MediaStream([track]);
    if (track.kind === "video") {
      document.getElementById("seen").srcObject = stream;
      return;
    }
    // Chromium decodes what comes from elsewhere only for an element.
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    const source = new MediaStreamAudioSourceNode(this.context, { mediaStream: stream });
    source.connect(this.ears);
    this.sources.push({ source, element });
  }

  /** Neither any more. */
  rests() {
    for (const { source, element } of this.sources.splice(0)) {
      source.disconnect();
      element.srcObject = null;
    }
    document.getElementById("seen").srcObject = null;
  }

  look() {
    const video = document.getElementById("seen");
    const canvas = new OffscreenCanvas(16, 12);
    const draw = canvas.getContext("2d", { willReadFrequently: true });
    const next = () => {
      draw.drawImage(video, 0, 0, canvas.width, canvas.height);
      reports.sees(colour(draw, canvas.width, canvas.height));
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  }
}

/** What a connection says of itself, in short. */
async function statistics(peer) {
  const all = [...(await peer.getStats()).values()];
  const of = type => all.filter(one => one.type === type);
  const codec = one => all.find(other => other.id === one.codecId)?.mimeType;
  const streams = of("inbound-rtp").concat(of("outbound-rtp")).map(one => ({
    direction: one.type, kind: one.kind, codec: codec(one), ssrc: one.ssrc,
    packets: one.packetsReceived ?? one.packetsSent, bytes: one.bytesReceived ?? one.bytesSent,
    lost: one.packetsLost, frames: one.framesDecoded ?? one.framesEncoded, width: one.frameWidth,
    keyFrames: one.keyFramesDecoded ?? one.keyFramesEncoded, plis: one.pliCount, firs: one.firCount, nacks: one.nackCount,
    target: one.targetBitrate,
  }));
  const transports = of("transport").map(one => ({
    dtls: one.dtlsState, ice: one.iceState, version: one.tlsVersion, cipher: one.dtlsCipher, srtp: one.srtpCipher,
    role: one.dtlsRole,
  }));
  const pairs = of("candidate-pair").filter(one => one.state === "succeeded").map(one => ({
    nominated: one.nominated, rtt: one.currentRoundTripTime, room: one.availableOutgoingBitrate,
    remote: all.find(other => other.id === one.remoteCandidateId)?.address,
  }));
  return { connection: peer.connectionState, ice: peer.iceConnectionState, streams, transports, pairs };
}
