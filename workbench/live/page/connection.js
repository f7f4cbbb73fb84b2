// The socket: numbered blocks of samples go out, frames come in. After sleep it connects again.

const HEADER_BYTES = 8;
const AGAIN_AFTER_MS = 1500;
const MAX_BUFFERED_S = 1;
const NO_RETRY = [1003, 1007, 1009]; // the server refuses what the page sends, and would refuse it again

export class Connection {
  // onMessage(message) receives each message, onClosed(reason, again) the end of a connection.
  constructor(onMessage, onClosed) {
    this.onMessage = onMessage;
    this.onClosed = onClosed;
    this.number = 0;
    this.connect();
  }

  connect() {
    const address = new URL("audio", document.baseURI);
    address.protocol = "ws:";
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.restart();
    this.ready = false;
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.kind === "hello") this.ready = true;
      this.onMessage(message);
    };
    this.socket.onclose = ({ code, reason }) => {
      this.ready = false;
      const again = !NO_RETRY.includes(code);
      this.onClosed(reason, again);
      if (again) setTimeout(() => this.connect(), AGAIN_AFTER_MS);
    };
  }

  // The next block begins a new stream.
  restart() {
    this.number = 0;
  }

  // Sends a block, `lost` blocks after the one before. Returns by how many blocks the stream has become longer: the server
  // counts those that it does not receive.
  send(samples, rate, lost) {
    if (!this.ready) return 0;
    const more = this.number ? 1 + lost : 1;
    const number = this.number + more - 1;
    this.number += more;
    if (number && this.socket.bufferedAmount > MAX_BUFFERED_S * rate * 4) return more;
    const message = new ArrayBuffer(HEADER_BYTES + 4 * samples.length);
    const view = new DataView(message);
    view.setUint32(0, number, true);
    view.setUint32(4, rate, true);
    new Float32Array(message, HEADER_BYTES).set(samples);
    this.socket.send(message);
    return more;
  }

  async post(path) {
    const response = await fetch(new URL(path, document.baseURI), { method: "POST" });
    if (!response.ok) throw new Error(await response.text());
    return response.status === 200 ? response.json() : null;
  }
}
