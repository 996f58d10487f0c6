// Files that wait for the next message: each is sent to the kernel in pieces as soon as it is here.

const PIECE = 512 * 1024;

class Upload {
  /** `sent` holds the file's id when the kernel has the whole of it. */
  constructor(file, tray) {
    this.id = newId();
    this.file = file;
    this.tray = tray;
    this.size = h("small", { text: "0 %" });
    this.mark = h("span", { class: "lsnb-thumb" }, icon("file"));
    this.remove = iconButton("close", `Remove ${file.name}`, () => tray.remove(this));
    this.el = h("li", { class: "lsnb-waiting", title: file.name }, this.mark, h("bdi", { text: file.name }), this.size, this.remove);
    this.sent = this.run();
    // Whoever sends the message hears of it, too.
    this.sent.catch((error) => tray.failed(this, error));
  }

  async run() {
    const { file, id } = this;
    let about = null;
    for (let at = 0; !about; at += PIECE) {
      const piece = await this.read(at);
      if (this.gone) throw { text: `${file.name} was taken away.` };
      about = await this.tray.act.request("attach", { file: id, name: file.name, size: file.size, at, base64: piece });
      if (!about) this.size.textContent = `${Math.floor((100 * (at + PIECE)) / file.size)} %`;
    }
    this.show(about);
    return id;
  }

  /** Returns a piece as text: some hosts lose the bytes that go with a page's message, or stop at them. */
  read(at) {
    const reader = new FileReader();
    return new Promise((resolve, reject) => {
      reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
      reader.onerror = () => reject({ text: `${this.file.name} cannot be read. Of a folder, attach the files.` });
      reader.readAsDataURL(this.file.slice(at, at + PIECE));
    });
  }

  /** What it is says the kernel, which has looked at its bytes. */
  show(about) {
    this.about = about;
    this.size.textContent = about.size;
    this.el.classList.remove("lsnb-waiting");
    if (about.kind !== "image") return;
    this.url = URL.createObjectURL(new Blob([this.file], { type: about.type }));
    this.mark.replaceChildren(h("img", { src: this.url, alt: "" }));
  }

  forget() {
    this.gone = true;
    if (this.url) URL.revokeObjectURL(this.url);
  }
}

class Tray {
  /** `act` has: request, keep(messageId, at, file), changed(said), problem(error), focus(), shown(). */
  constructor(act) {
    this.act = act;
    this.uploads = [];
    this.el = h("ul", { class: "lsnb-tray", "aria-label": "To be sent", hidden: true });
  }

  add(files) {
    this.put(files.map((file) => new Upload(file, this)));
    this.act.changed(`Attached: ${files.map((file) => file.name).join(", ")}`);
    this.act.focus();
  }

  put(uploads) {
    this.uploads.push(...uploads.filter((upload) => !upload.gone));
    this.show();
  }

  /** Returns what waits, and is empty. */
  take() {
    const { uploads } = this;
    this.uploads = [];
    this.show();
    return uploads;
  }

  remove(upload) {
    this.drop(upload);
    this.act.request("detach", { file: upload.id }).catch(() => {});
    this.act.changed(`Removed: ${upload.file.name}`);
    this.act.focus();
  }

  failed(upload, error) {
    if (upload.gone) return;
    this.drop(upload);
    this.act.problem(error);
  }

  drop(upload) {
    upload.forget();
    this.uploads = this.uploads.filter((other) => other !== upload);
    this.show();
  }

  show() {
    this.el.hidden = !this.uploads.length;
    this.el.replaceChildren(...this.uploads.map((upload) => upload.el));
    this.act.shown();
  }

  /** The files have become part of a message: what is here need not be fetched again. */
  keep(uploads, view) {
    uploads?.forEach((upload, at) => {
      upload.forget();
      if (view && upload.about?.kind === "image") this.act.keep(view.id, at, new Blob([upload.file], { type: upload.about.type }));
    });
  }

  close() {
    for (const upload of this.uploads) upload.forget();
  }
}
