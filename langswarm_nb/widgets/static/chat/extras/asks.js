// Calls of tools that wait for the reader's word, above the box where she writes.

class Asks {
  constructor(panel) {
    this.panel = panel;
    this.cards = new Map();
    this.el = h("div", { class: "lsnb-asks", role: "group", "aria-label": "Waiting for your approval", hidden: true });
    panel.composer.el.before(this.el);
  }

  /** Shows what waits; a card that stays keeps its focus. */
  show(waiting) {
    const ids = new Set(waiting.map((ask) => ask.id));
    for (const [id, card] of this.cards) {
      if (ids.has(id)) continue;
      // A button that was pressed is disabled, and what is disabled has lost the focus.
      const focused = card.contains(document.activeElement) || (id === this.answered && document.activeElement === document.body);
      card.remove();
      this.cards.delete(id);
      if (focused) (this.el.querySelector("button") ?? this.panel.composer.area).focus();
    }
    for (const ask of waiting) {
      if (this.cards.has(ask.id)) continue;
      const card = this.card(ask);
      this.cards.set(ask.id, card);
      this.el.append(card);
      this.panel.say(`The model wants to call ${ask.name}. Approve or reject it.`);
    }
    this.el.hidden = !waiting.length;
  }

  card({ id, name, arguments: given }) {
    const answer = async (allow, more) => {
      this.answered = id;
      for (const button of card.querySelectorAll("button")) button.disabled = true;
      if ((await this.panel.ask("approve", { id, allow, reason: why.value, ...more })) === undefined) {
        for (const button of card.querySelectorAll("button")) button.disabled = false;
      }
    };
    const why = h("input", { class: "lsnb-search", placeholder: "Why not? (optional)", "aria-label": `Why ${name} may not be called`, maxlength: 300, dir: "auto" });
    why.addEventListener("keydown", (event) => event.key === "Enter" && answer(false));
    // Two calls of one tool are two regions, each with a name of its own.
    const label = `Call of ${name}`;
    const before = [...this.cards.values()].filter((other) => other.ariaLabel.startsWith(label)).length;
    const card = h(
      "section",
      { class: "lsnb-call-ask", "aria-label": before ? `${label}, ${before + 1}` : label },
      h("p", {}, "The model wants to call ", h("code", { text: name }), given === "{}" ? "." : " with"),
      given !== "{}" && h("pre", { text: given, tabindex: 0, "aria-label": "Arguments", dir: "ltr" }),
      h(
        "div",
        { class: "lsnb-call-foot" },
        textButton("Approve", () => answer(true), { class: "lsnb-button lsnb-primary" }),
        textButton("Always approve", () => answer(true, { always: true }), { title: `Every call of ${name} in this chat, until the kernel stops` }),
        textButton("Reject", () => answer(false)),
        why,
      ),
    );
    return card;
  }
}
