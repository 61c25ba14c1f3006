// The live socket: keeps one subscription alive, checks that no frame is missing, comes back after a loss.
const WAITS = [250, 500, 1000, 2000, 4000, 8000, 15000];
// The server says something every 5 s; after three silent beats the connection is dead.
const SILENCE = 15000;

export class Connection {
  #socket = null;
  #tries = 0;
  #timer = 0;
  #watch = 0;
  #open = false;
  #following = false;
  #seen = "";

  // `ask()` gives the frame that subscribes; `hear` has a method for each thing that can happen.
  constructor(ask, hear) {
    this.ask = ask;
    this.hear = hear;
  }

  open() {
    clearTimeout(this.#timer);
    const url = new URL("/ws/feed", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => {
      this.#open = true;
      this.follow();
    };
    this.#socket.onmessage = (message) => this.#read(JSON.parse(message.data));
    this.#socket.onclose = () => this.#lost();
    this.#listen();
  }

  close() {
    this.#open = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    if (!this.#socket) return;
    this.#socket.onclose = this.#socket.onmessage = null;
    this.#socket.close();
    this.#socket = null;
  }

  // Subscribes, or subscribes again: what comes before the answer belongs to the old subscription.
  follow() {
    if (!this.#open) return;
    this.#following = false;
    this.#send(this.ask());
  }

  counts() {
    if (this.#open) this.#send({ t: "mode", mode: "counts" });
  }

  #send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  #read(frame) {
    this.#listen();
    if (frame.t === "error") {
      this.hear.error(frame);
    } else if (frame.t === "ok") {
      this.#tries = 0;
      this.#following = true;
      this.#seen = frame.from;
      this.hear.ok(frame);
    } else if (this.#following) {
      this.#next(frame);
    }
  }

  #next(frame) {
    if (frame.from && frame.from !== this.#seen) {
      this.hear.torn();
      return;
    }
    this.#seen = frame.to;
    this.hear[frame.t]?.(frame);
  }

  #listen() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.close();
      this.#lost();
    }, SILENCE);
  }

  #lost() {
    this.#open = this.#following = false;
    clearTimeout(this.#watch);
    this.hear.lost();
    const wait = WAITS[Math.min(this.#tries++, WAITS.length - 1)];
    this.#timer = setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2));
  }
}
