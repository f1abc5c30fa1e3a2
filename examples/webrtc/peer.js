// A connection to one other page, by "perfect negotiation": both sides run the same code, either may
// begin at any time, and if both do at once, the polite one gives way.
// https://developer.mozilla.org/docs/Web/API/WebRTC_API/Perfect_negotiation

export class Peer {
  #connection; #polite; #stream; #on; #offering = false; #ignoring = false; #work = Promise.resolve();

  /**
   * @param {boolean} polite one side is, the other is not
   * @param {MediaStream | null} stream ours, if we send any
   * @param {object} on what to call: `signal(body)` with what the other side must hear, in order;
   *   `track(event)` as of RTCPeerConnection; `state(connectionState)`
   */
  constructor(polite, stream, on) {
    [this.#polite, this.#stream, this.#on] = [polite, stream, on];
    this.#begin();
  }

  #begin() {
    const [stream, on] = [this.#stream, this.#on];
    // No servers: on one network each reaches the other at its own address.
    const connection = this.#connection = new RTCPeerConnection();
    connection.ontrack = on.track;
    connection.onicecandidate = ({ candidate }) => on.signal({ candidate });
    connection.onnegotiationneeded = () => this.#offer();
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === "failed") connection.restartIce();
      on.state(connection.connectionState);
    };
    for (const track of stream?.getTracks() ?? []) connection.addTrack(track, stream);
    if (stream === null) {
      // Who sends nothing asks for picture and sound all the same.
      for (const kind of ["audio", "video"]) connection.addTransceiver(kind, { direction: "recvonly" });
    }
  }

  /** Takes a signal of the other side; each is done before the next begins. */
  hear(body) {
    this.#work = this.#work.then(() => this.#take(body)).catch(error => {
      if (!this.#ignoring && this.#connection.signalingState !== "closed") console.warn(error);
    });
    return this.#work;
  }

  close() {
    this.#connection.close();
  }

  async #offer() {
    const connection = this.#connection;
    try {
      this.#offering = true;
      await connection.setLocalDescription();
      // It may have given way meanwhile.
      if (connection === this.#connection) {
        this.#on.signal({ description: connection.localDescription });
      }
    } catch (error) {
      if (connection.signalingState !== "closed") console.warn(error);
    } finally {
      if (connection === this.#connection) this.#offering = false;
    }
  }

  async #take({ description, candidate }) {
    if (description) {
      const collides = description.type === "offer"
        && (this.#offering || this.#connection.signalingState !== "stable");
      this.#ignoring = !this.#polite && collides;
      if (this.#ignoring) return;
      if (collides && this.#connection.currentRemoteDescription === null) this.#giveWay();
    }
    const connection = this.#connection;
    if (description) {
      await connection.setRemoteDescription(description);
      if (description.type !== "offer") return;
      await connection.setLocalDescription();
      this.#on.signal({ description: connection.localDescription });
    } else if (candidate !== undefined) {
      await connection.addIceCandidate(candidate ?? undefined);
    }
  }
  /**
   * Takes back a first offer by beginning anew. To roll it back should be enough, but now and then
   * Chromium (seen with 156) then looks for addresses for ever, and the two never connect.
   */
  #giveWay() {
    this.#connection.onicecandidate = null;
    this.#connection.close();
    this.#offering = false;
    this.#begin();
  }
}
