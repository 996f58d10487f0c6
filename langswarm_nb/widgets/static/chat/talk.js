// A view's talk with the kernel: requests, each heard at once and answered later. protocol.py describes the messages.

const HEARD_WITHIN_MS = 700;
const NO_KERNEL = "The kernel is gone. Run this cell to go on.";

function newId() {
  return Math.random().toString(36).slice(2, 12);
}

class Talk {
  /** `onWaiting` is called when `unheard` gets its first request or loses its last. */
  constructor(model, onWaiting) {
    this.model = model;
    this.onWaiting = onWaiting;
    this.view = newId();
    this.requests = new Map();
    this.unheard = new Set();
  }

  /** Asks the kernel for something; the promise holds its answer, bytes as an array, or is rejected with an ErrorCard. */
  request(kind, fields, rid = newId()) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.setUnheard(rid, true), HEARD_WITHIN_MS);
      const ask = (again) => this.post({ kind, rid, ...fields, again });
      this.requests.set(rid, { resolve, reject, timer, ask });
      const error = ask();
      if (error) this.settle(rid, (request) => request.reject({ text: NO_KERNEL, details: [] }));
    });
  }

  /** Asks once more for the answers that did not come; nothing is done twice. */
  askOnceMore() {
    for (const { ask } of this.requests.values()) ask(true);
  }

  post(message) {
    try {
      this.model.send({ ...message, view: this.view });
    } catch (error) {
      // A kernel that was restarted knows this widget no more.
      this.gone = true;
      return error;
    }
  }

  /** Takes in what the kernel says about a request. */
  takeReply(message, buffers) {
    if (message.kind === "heard") this.hear(message.rid);
    else if (message.kind === "answer") this.settle(message.rid, (request) => request.resolve(buffers?.length ? buffers : message.value));
    else if (message.kind === "failed") this.settle(message.rid, (request) => request.reject(message.error));
  }

  hear(rid) {
    const request = this.requests.get(rid);
    if (request) clearTimeout(request.timer);
    this.setUnheard(rid, false);
  }

  settle(rid, how) {
    const request = this.requests.get(rid);
    if (!request) return;
    this.hear(rid);
    this.requests.delete(rid);
    how(request);
  }

  setUnheard(rid, unheard) {
    const before = this.unheard.size;
    if (unheard) this.unheard.add(rid);
    else this.unheard.delete(rid);
    if (!before !== !this.unheard.size) this.onWaiting();
  }

  endTalk() {
    this.post({ kind: "gone" });
    for (const request of this.requests.values()) clearTimeout(request.timer);
    this.requests.clear();
  }
}
