"use strict";
// JsSIP as it comes, with the settings and the words of phone.js.

const phone = {
  session: null,

  async start() {
    this.senses = await Senses.open();
    this.stream = this.senses.stream(settings.video ?? true);
    this.agent = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(settings.url)],
      uri: `sip:${settings.number}@${settings.domain}`,
      password: settings.password,
      display_name: settings.display,
      register_expires: 600,
      connection_recovery_min_interval: 1,
    });
    this.agent.on("registered", ({ response }) => reports.tell({ type: "REGISTER_OK", status: response.status_code }));
    this.agent.on("registrationFailed", ({ response, cause }) =>
      reports.tell({ type: "REGISTER_FAIL", status: response?.status_code, cause }));
    this.agent.on("disconnected", ({ code }) => reports.tell({ type: "FLOW_LOST", code }));
    this.agent.on("newRTCSession", ({ session, originator }) => this.begins(session, originator));
    this.agent.start();
  },

  begins(session, originator) {
    if (this.session) return session.terminate({ status_code: 486 });
    this.session = session;
    const watch = peer => { peer.ontrack = event => this.senses.takes(event.track); };
    if (session.connection) watch(session.connection);
    session.on("peerconnection", ({ peerconnection }) => watch(peerconnection));
    session.on("progress", ({ response }) => {
      if (originator === "local") reports.tell({ type: "CALL_RINGING", status: response?.status_code });
    });
    session.on("confirmed", () => reports.tell({ type: "CALL_ESTABLISHED" }));
    for (const kind of ["reinvite", "update"]) {
      session.on(kind, ({ request }) => reports.tell({ type: "CALL_CHANGED", method: request.method }));
    }
    for (const end of ["ended", "failed"]) session.on(end, ({ cause, message }) => this.ends(cause, message));
    if (originator === "remote") {
      reports.tell({ type: "CALL_INCOMING", from: String(session.remote_identity) });
      if (settings.atOnce) this.accept();
    }
  },

  ends(cause, message) {
    this.session = null;
    this.senses.rests();
    reports.tell({ type: "CALL_CLOSED", reason: message?.getHeader?.("reason") ?? cause });
  },

  dial(whom) { this.agent.call(whom, { mediaStream: this.stream }); },
  accept() { this.session.answer({ mediaStream: this.stream }); },
  hangUp() { this.session.terminate(); },
  press(keys) { this.session.sendDTMF(keys, { transportType: "RFC2833" }); },
  statistics() { return statistics(this.session.connection); },
};

if (settings.url) phone.start();
