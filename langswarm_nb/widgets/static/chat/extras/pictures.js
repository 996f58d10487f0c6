// What was attached to messages: pictures are shown from their own bytes, anything can be saved as a file.

const SHOWN_AT_ONCE = 3 * 2 ** 20;
// Jupyter Server drops what comes faster than about 1 MB a second.
const BETWEEN_PIECES_MS = 280;
const SHOWN_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

class Pictures {
  constructor(request, grown) {
    this.request = request;
    this.grown = grown;
    this.urls = new Map();
    this.queue = Promise.resolve();
    this.seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) this.load(target);
    });
    this.wanted = new WeakMap();
  }

  keep(id, at, blob) {
    this.urls.set(`${id}/${at}`, URL.createObjectURL(blob));
  }

  /** Shows a picture in `item` as soon as it is seen; a large one when it is asked for. */
  show(id, at, about, item) {
    if (!SHOWN_TYPES.includes(about.type)) return;
    const url = this.urls.get(`${id}/${at}`);
    this.wanted.set(item, { id, at, about });
    if (url) this.place(item, url);
    else if (about.bytes > SHOWN_AT_ONCE) item.append(textButton("Show", (event) => { event.currentTarget.disabled = true; this.load(item); }));
    else this.seen.observe(item);
  }

  load(item) {
    this.seen.unobserve(item);
    const { id, at, about } = this.wanted.get(item);
    this.queue = this.queue.then(async () => {
      if (!item.isConnected) return;
      const bytes = await this.fetch("attachment", { id, at });
      this.keep(id, at, new Blob(bytes, { type: about.type }));
      this.place(item, this.urls.get(`${id}/${at}`));
    }).catch(() => {
      // Its name stays, by which it can be saved.
    });
  }

  place(item, url) {
    const { id, at, about } = this.wanted.get(item);
    const image = h("img", { src: url, alt: about.name, onload: () => this.grown() });
    const save = h("button", { class: "lsnb-picture", "aria-label": `Save ${about.name}`, title: `Save ${about.name} (${about.size})`, onclick: () => this.save(id, at, about) }, image);
    item.replaceChildren(save);
  }

  async save(id, at, about) {
    const bytes = await this.fetch("attachment", { id, at });
    this.download(bytes, about.name);
  }

  download(bytes, name, type = "application/octet-stream") {
    const url = URL.createObjectURL(new Blob(bytes, { type }));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  /** Returns the pieces of what the kernel has under `kind`; `told` gets what else it says of it. */
  async fetch(kind, fields, told) {
    const about = await this.request(kind, fields);
    const { token, bytes } = about;
    told?.(about);
    const pieces = [];
    for (let at = 0; at < bytes; ) {
      if (at) await later(BETWEEN_PIECES_MS);
      const [piece] = await this.request("piece", { token, at });
      pieces.push(piece);
      at += piece.byteLength;
    }
    return pieces;
  }

  close() {
    this.seen.disconnect();
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
  }
}
