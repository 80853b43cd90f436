"use strict";
// A phone in a page: SIP over WebSocket (RFC 3261, 7118, 5626) and RTCPeerConnection, without a library. It reports the
// same words as baresip does: CALL_INCOMING, CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED.
//
// Settings: url (ws: or wss:), number, password, domain, display, instance; tone, colour, size, video (true), audio and
// codecs (lists of names such as "opus", "PCMU", "VP8", "H264"; all, where there is none), atOnce (answers by itself),
// bundle (the policy), pictureFirst (its section stands before that of the sound), mangle (pairs of a pattern and what
// stands in its place, for each SDP that goes out).

const random = () => crypto.randomUUID().replaceAll("-", "").slice(0, 16);
const CRLF = "\r\n";

/** A message: its first line, headers in order, body. */
class Message {
  constructor(start, headers = [], body = "") {
    Object.assign(this, { start, headers, body });
  }

  static parse(text) {
    const end = text.indexOf(CRLF + CRLF);
    const [start, ...lines] = text.slice(0, end).split(CRLF);
    const headers = lines.map(line => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    });
    return new Message(start, headers, text.slice(end + 4));
  }

  toString() {
    const lines = this.headers.map(([name, value]) => `${name}: ${value}`);
    const length = `Content-Length: ${new TextEncoder().encode(this.body).length}`;
    return [this.start, ...lines, length, "", this.body].join(CRLF);
  }

  all(name) {
    return this.headers.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }

  get(name) { return this.all(name)[0]; }
  get status() { return this.start.startsWith("SIP/2.0 ") ? Number(this.start.slice(8, 11)) : null; }
  get method() { return this.status === null ? this.start.split(" ")[0] : null; }
  get sequence() { return Number(this.get("CSeq").split(" ")[0]); }
  get branch() { return /branch=([^;,\s]+)/.exec(this.get("Via"))?.[1]; }
  tag(header) { return /;tag=([^;\s]+)/.exec(this.get(header))?.[1]; }

  /** A response to this request (RFC 3261 §8.2.6.2). */
  response(status, reason, headers = [], body = "") {
    const copied = ["Via", "From", "To", "Call-ID", "CSeq"];
    const own = copied.flatMap(name => this.all(name).map(value => [name, value]));
    const records = this.all("Record-Route").map(value => ["Record-Route", value]);
    return new Message(`SIP/2.0 ${status} ${reason}`, [...own, ...records, ...headers], body);
  }
}

/** The credentials that answer a challenge: the first one, MD5 only. */
function credentials(refusal, method, uri) {
  const header = refusal.status === 401 ? "WWW-Authenticate" : "Proxy-Authenticate";
  const challenge = refusal.get(header);
  const parameter = name => new RegExp(`[ ,]${name}="?([^",]*)"?`).exec(challenge)?.[1];
  const [realm, nonce, algorithm] = ["realm", "nonce", "algorithm"].map(parameter);
  if ((algorithm ?? "MD5") !== "MD5") throw new Error(`the first challenge is of ${algorithm}`);
  const first = md5(`${settings.number}:${realm}:${settings.password}`);
  const [once, count] = [random(), "00000001"];
  const answer = md5(`${first}:${nonce}:${count}:${once}:auth:${md5(`${method}:${uri}`)}`);
  const opaque = parameter("opaque");
  const value = `Digest username="${settings.number}", realm="${realm}", nonce="${nonce}", uri="${uri}", `
    + `algorithm=MD5, qop=auth, nc=${count}, cnonce="${once}", response="${answer}"`
    + (opaque ? `, opaque="${opaque}"` : "");
  return [refusal.status === 401 ? "Authorization" : "Proxy-Authorization", value];
}

/** The connection to the switchboard, opened again when it is lost, and the client transactions on it. */
class Flow {
  constructor(requested, opened) {
    Object.assign(this, { requested, opened, pending: new Map(), host: `${random()}.invalid` });
    this.open();
  }

  open() {
    this.socket = new WebSocket(settings.url, "sip");
    this.socket.onopen = () => this.opened();
    this.socket.onclose = event => {
      reports.tell({ type: "FLOW_LOST", code: event.code });
      for (const { fail } of this.pending.values()) fail(new Error("the flow is lost"));
      this.pending.clear();
      setTimeout(() => this.open(), 200);
    };
    this.socket.onmessage = async event => {
      const text = typeof event.data === "string" ? event.data : await event.data.text();
      if (text.trim() === "") return;
      const message = Message.parse(text);
      if (message.method) this.requested(message);
      else this.responded(message);
    };
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(message.toString());
  }

  via() {
    return ["Via", `SIP/2.0/${settings.url.startsWith("wss") ? "WSS" : "WS"} ${this.host};branch=z9hG4bK${random()}`];
  }

  /** Sends a request; its final response. */
  request(message, provisional = () => {}) {
    return new Promise((done, fail) => {
      this.pending.set(message.branch, { done, fail, provisional });
      this.send(message);
    });
  }

  responded(message) {
    const waiting = this.pending.get(message.branch);
    if (!waiting) {
      // RFC 3261 §13.2.2.4: the 2xx is repeated until its ACK has come.
      if (message.get("CSeq").endsWith("INVITE")) phone.acknowledgeAgain(message);
    } else if (message.status < 200) {
      waiting.provisional(message);
    } else {
      this.pending.delete(message.branch);
      waiting.done(message);
    }
  }
}

/** One call: a dialog and a connection of media. */
class Call {
  constructor(phone) {
    this.phone = phone;
    this.sequence = Math.floor(Math.random() * 1000) + 1;
    this.local = random();
    this.state = "new";
    const policy = settings.bundle ? { bundlePolicy: settings.bundle } : {};
    this.peer = new RTCPeerConnection(policy);
    this.peer.ontrack = event => phone.senses.takes(event.track);
    this.peer.onconnectionstatechange = () =>
      reports.tell({ type: "CONNECTION", state: this.peer.connectionState });
  }

  addMedia() {
    const stream = this.phone.stream;
    const tracks = stream.getTracks().sort((one, other) => one.kind < other.kind ? -1 : 1);
    if (settings.pictureFirst) tracks.reverse();
    for (const track of tracks) this.peer.addTrack(track, stream);
    for (const transceiver of this.peer.getTransceivers()) {
      const kind = transceiver.sender.track.kind;
      const wanted = kind === "audio" ? settings.audio : settings.codecs;
      if (!wanted) continue;
      const names = [...wanted, "telephone-event"].map(name => `${kind}/${name}`.toLowerCase());
      const known = RTCRtpReceiver.getCapabilities(kind).codecs;
      transceiver.setCodecPreferences(known.filter(codec => names.includes(codec.mimeType.toLowerCase())));
    }
  }

  mangled(sdp) {
    return (settings.mangle ?? []).reduce((text, [from, to]) => text.replace(new RegExp(from, "gm"), to), sdp);
  }

  async offer(options = {}) {
    await this.peer.setLocalDescription(await this.peer.createOffer(options));
    return this.mangled(this.peer.localDescription.sdp);
  }

  async answer(sdp) {
    await this.peer.setRemoteDescription({ type: "offer", sdp });
    await this.peer.setLocalDescription(await this.peer.createAnswer());
    return this.mangled(this.peer.localDescription.sdp);
  }

  /** A request of this dialog. */
  request(method, headers = [], body = "", sequence = ++this.sequence) {
    const routes = (this.routes ?? []).map(route => ["Route", route]);
    return new Message(`${method} ${this.target} SIP/2.0`, [
      this.phone.flow.via(), ["Max-Forwards", "70"],
      ["From", `${this.phone.address};tag=${this.local}`],
      ["To", this.remote ? `${this.them};tag=${this.remote}` : this.them],
      ["Call-ID", this.id], ["CSeq", `${sequence} ${method}`], ...routes,
      ["Contact", this.phone.contact], ["Allow", ALLOW], ...headers,
    ], body);
  }

  /** Sends it, once more with credentials where they are asked for. */
  async ask(method, headers, body, provisional) {
    let request = this.request(method, headers, body);
    this.sent = request;
    let response = await this.phone.flow.request(request, provisional);
    if (response.status === 401 || response.status === 407) {
      if (method === "INVITE") this.acknowledgeRefusal(request, response);
      const proof = credentials(response, method, this.target);
      request = this.request(method, [...headers, proof], body);
      this.sent = request;
      response = await this.phone.flow.request(request, provisional);
    }
    if (method === "INVITE" && response.status >= 300) this.acknowledgeRefusal(request, response);
    return response;
  }

  acknowledgeRefusal(request, response) {
    const ack = new Message(`ACK ${request.start.split(" ")[1]} SIP/2.0`, [
      ["Via", request.get("Via")], ["Max-Forwards", "70"], ["From", request.get("From")], ["To", response.get("To")],
      ["Call-ID", this.id], ["CSeq", `${request.sequence} ACK`],
    ]);
    this.phone.flow.send(ack);
  }

  acknowledge(response) {
    this.acknowledged = this.request("ACK", [], "", response.sequence);
    this.phone.flow.send(this.acknowledged);
  }

  learns(response) {
    this.remote = response.tag("To");
    const contact = response.get("Contact");
    if (contact) this.target = /<([^>]+)>/.exec(contact)?.[1] ?? contact.split(";")[0];
    this.routes = response.all("Record-Route").reverse();
  }

  async dial(uri) {
    this.id = `${random()}@${this.phone.flow.host}`;
    Object.assign(this, { target: uri, them: `<${uri}>`, state: "calling" });
    this.addMedia();
    const sdp = await this.offer();
    const heard = async response => {
      if (response.status > 100) reports.tell({ type: "CALL_RINGING", status: response.status });
      if (response.body && this.peer.signalingState === "have-local-offer") {
        await this.peer.setRemoteDescription({ type: "pranswer", sdp: response.body });
      }
    };
    const response = await this.ask("INVITE", [["Content-Type", "application/sdp"]], sdp, heard);
    if (response.status >= 300) return this.end(response.start.slice(8));
    this.learns(response);
    this.acknowledge(response);
    Object.assign(this, { state: "established", told: true });
    await this.peer.setRemoteDescription({ type: "answer", sdp: response.body });
    reports.tell({ type: "CALL_ESTABLISHED" });
  }

  /** A call that comes in. */
  rings(invite) {
    this.invite = invite;
    this.id = invite.get("Call-ID");
    this.remote = invite.tag("From");
    this.them = invite.get("From").replace(/;tag=[^;]+/, "");
    this.target = /<([^>]+)>/.exec(invite.get("Contact"))?.[1];
    this.routes = invite.all("Record-Route");
    this.state = "ringing";
    this.respond(invite, 180, "Ringing");
    reports.tell({ type: "CALL_INCOMING", from: invite.get("From") });
    if (settings.atOnce) this.accept();
  }

  respond(request, status, reason, body = "", more = []) {
    const response = request.response(status, reason, [
      ["Contact", this.phone.contact], ["Allow", ALLOW],
      ...(body ? [["Content-Type", "application/sdp"]] : []), ...more,
    ], body);
    const to = response.headers.find(([name]) => name === "To");
    if (!/;tag=/.test(to[1])) to[1] += `;tag=${this.local}`;
    this.phone.flow.send(response);
  }

  async accept() {
    this.addMedia();
    await this.settles(this.invite);
    this.state = "established";
  }

  /** Answers the offer in this request, or offers where there is none. */
  async settles(request) {
    try {
      const sdp = request.body ? await this.answer(request.body) : await this.offer();
      this.respond(request, 200, "OK", sdp);
    } catch (error) {
      reports.tell({ type: "FAULT", text: String(error) });
      this.respond(request, 488, "Not Acceptable Here", "", [["Warning", `399 page "${error.name}"`]]);
    }
  }

  async requested(request) {
    switch (request.method) {
      case "ACK":
        if (request.body) await this.peer.setRemoteDescription({ type: "answer", sdp: request.body });
        if (!this.told) reports.tell({ type: "CALL_ESTABLISHED" });
        this.told = true;
        return;
      case "BYE":
        this.respond(request, 200, "OK");
        return this.end(request.get("Reason") ?? "BYE");
      case "CANCEL":
        this.respond(request, 200, "OK");
        this.respond(this.invite, 487, "Request Terminated");
        return this.end("CANCEL");
      case "INVITE":
      case "UPDATE":
        if (request.body && this.peer.signalingState !== "stable") {
          return this.respond(request, 491, "Request Pending");
        }
        reports.tell({ type: "CALL_CHANGED", method: request.method, offer: request.body });
        if (request.method === "UPDATE" && !request.body) return this.respond(request, 200, "OK");
        return this.settles(request);
      default:
        return this.respond(request, 200, "OK");
    }
  }

  /** Offers anew; `options` as createOffer's (iceRestart). */
  async reoffer(options) {
    const sdp = await this.offer(options);
    const response = await this.ask("INVITE", [["Content-Type", "application/sdp"]], sdp);
    if (response.status >= 300) {
      await this.peer.setLocalDescription({ type: "rollback" });
      return response.status;
    }
    this.acknowledge(response);
    await this.peer.setRemoteDescription({ type: "answer", sdp: response.body });
    return response.status;
  }

  async hangUp() {
    if (this.state === "ringing") {
      this.respond(this.invite, 486, "Busy Here");
    } else if (this.state === "calling") {
      // Its final response ends the call.
      const copied = ["Via", "Max-Forwards", "From", "To", "Call-ID"].map(name => [name, this.sent.get(name)]);
      const sequence = ["CSeq", `${this.sent.sequence} CANCEL`];
      return this.phone.flow.send(new Message(this.sent.start.replace("INVITE", "CANCEL"), [...copied, sequence]));
    } else if (this.state === "established") {
      await this.ask("BYE", [], "");
    }
    this.end("hung up");
  }

  end(reason) {
    if (this.state === "ended") return;
    this.state = "ended";
    this.peer.close();
    this.phone.senses.rests();
    this.phone.call = null;
    reports.tell({ type: "CALL_CLOSED", reason });
  }
}

const ALLOW = "INVITE, ACK, CANCEL, BYE, UPDATE, INFO, OPTIONS";

/** The phone that the test commands. */
const phone = {
  call: null,

  async start() {
    this.senses = await Senses.open();
    this.stream = this.senses.stream(settings.video ?? true);
    this.uri = `sip:${settings.number}@${settings.domain}`;
    this.address = settings.display ? `"${settings.display}" <${this.uri}>` : `<${this.uri}>`;
    this.instance = settings.instance ?? crypto.randomUUID();
    this.registration = { id: random(), tag: random(), sequence: 0 };
    this.flow = new Flow(request => this.requested(request), () => this.register());
    this.contact = `<sip:${random()}@${this.flow.host};transport=ws;ob>`;
  },

  async register() {
    const uri = `sip:${settings.domain}`;
    const request = proof => new Message(`REGISTER ${uri} SIP/2.0`, [
      this.flow.via(), ["Max-Forwards", "70"], ["From", `<${this.uri}>;tag=${this.registration.tag}`],
      ["To", `<${this.uri}>`], ["Call-ID", this.registration.id],
      ["CSeq", `${++this.registration.sequence} REGISTER`], ["Supported", "path, outbound"], ["Expires", "600"],
      ["Contact", `${this.contact};reg-id=1;+sip.instance="<urn:uuid:${this.instance}>"`], ...proof,
    ]);
    let response = await this.flow.request(request([]));
    if (response.status === 401) {
      response = await this.flow.request(request([credentials(response, "REGISTER", uri)]));
    }
    reports.tell({ type: response.status === 200 ? "REGISTER_OK" : "REGISTER_FAIL", status: response.status });
  },

  requested(request) {
    const ours = this.call?.id === request.get("Call-ID");
    if (ours) return this.call.requested(request);
    if (request.method === "INVITE" && !request.tag("To") && !this.call) {
      this.call = new Call(this);
      return this.call.rings(request);
    }
    const [status, reason] = request.method === "INVITE" ? [486, "Busy Here"]
      : request.method === "OPTIONS" || request.method === "NOTIFY" ? [200, "OK"] : [481, "Call Does Not Exist"];
    if (request.method !== "ACK") this.flow.send(request.response(status, reason));
  },

  acknowledgeAgain(response) {
    if (response.status >= 200 && response.status < 300 && this.call?.acknowledged) this.flow.send(this.call.acknowledged);
  },

  dial(whom) {
    this.call = new Call(this);
    this.call.dial(whom.startsWith("sip") ? whom : `sip:${whom}@${settings.domain}`);
  },

  accept() { this.call.accept(); },
  hangUp() { this.call.hangUp(); },
  press(keys) { this.call.peer.getSenders().find(sender => sender.dtmf).dtmf.insertDTMF(keys); },
  reoffer(options) { return this.call.reoffer(options); },
  statistics() { return statistics(this.call.peer); },
  descriptions() {
    return { local: this.call.peer.localDescription.sdp, remote: this.call.peer.remoteDescription?.sdp };
  },
};

if (settings.url) phone.start();
