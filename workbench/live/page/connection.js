// The socket: numbered blocks of samples go out, frames come in. After sleep it connects again.

const HEADER_BYTES = 8;
const AGAIN_AFTER_MS = 1500;
const MAX_BUFFERED_S = 1;
const NO_RETRY = [1003, 1007, 1009, 1013]; // the server refuses: the page would be refused again

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

  // Returns whether the sessions will have the block: as sent, or as a gap that the server counts.
  send(samples, rate) {
    if (!this.ready) return false;
    const number = this.number++;
    if (number && this.socket.bufferedAmount > MAX_BUFFERED_S * rate * 4) return true;
    const message = new ArrayBuffer(HEADER_BYTES + 4 * samples.length);
    const view = new DataView(message);
    view.setUint32(0, number, true);
    view.setUint32(4, rate, true);
    new Float32Array(message, HEADER_BYTES).set(samples);
    this.socket.send(message);
    return true;
  }

  async post(path) {
    const response = await fetch(new URL(path, document.baseURI), { method: "POST" });
    if (!response.ok) throw new Error(await response.text());
    return response.status === 200 ? response.json() : null;
  }
}
