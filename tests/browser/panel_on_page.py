"""A chat panel on a page, as a reader uses it. Not a test."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


class Panel:
    """A chat panel, as a reader uses it."""

    def __init__(self, page: Page, root: Locator) -> None:
        self.page = page
        self.root = root
        self.box = root.get_by_label("Message", exact=True)
        self.messages = root.locator(".lsnb-msg:not(.lsnb-pending)")
        self.replies = root.locator(".lsnb-msg[data-role=assistant]")
        self.questions = root.locator(".lsnb-msg[data-role=user]:not(.lsnb-pending)")
        self.status = root.locator(".lsnb-status")

    def button(self, name: str) -> Locator:
        """Return the buttons with this name."""
        return self.root.get_by_role("button", name=name, exact=True)

    def ask(self, text: str, wait: bool = True) -> None:
        """Type a question and press Enter; with `wait`, return when it has been answered."""
        before = self.replies.count()
        self.box.fill(text)
        self.box.press("Enter")
        if wait:
            self.wait_for_replies(before + 1)

    def wait_for_replies(self, count: int, timeout_s: float = 60) -> None:
        """Return when there are this many replies and none is still coming."""
        done = self.root.locator(".lsnb-msg[data-role=assistant]:not([data-state=running])")
        expect(done).to_have_count(count, timeout=timeout_s * 1000)
        expect(self.root.locator("[data-state=running]")).to_have_count(0)

    def wait_until_streaming(self, at_least: int = 1) -> None:
        """Return when the running reply has at least this many characters, out of sight as well."""
        self.page.wait_for_function(
            """([panel, size]) => {
                const reply = panel.querySelector('[data-state=running] .lsnb-md');
                return (reply?.innerText || reply?.textContent)?.length >= size;
            }""",
            arg=[self.root.element_handle(), at_least],
            timeout=60_000,
        )

    def texts(self) -> list[str]:
        """Return what the messages say, oldest first."""
        # What is out of sight is not laid out: then its text ends with a line, or is none.
        found = self.root.locator(".lsnb-said, .lsnb-body > .lsnb-md")
        return found.evaluate_all("(all) => all.map((el) => el.innerText.trim() || el.textContent.trim())")

    def watch_growth(self) -> None:
        """Start noting every length that the running reply has on the screen."""
        self.root.evaluate("""(panel) => {
            window.lsnbGrowth = [];
            const note = () => {
                const length = panel.querySelector('[data-state=running] .lsnb-md')?.innerText.length ?? 0;
                if (length && length !== window.lsnbGrowth.at(-1)) window.lsnbGrowth.push(length);
            };
            new MutationObserver(note).observe(panel, { subtree: true, childList: true, characterData: true });
        }""")

    def wait_until_grown(self, steps: int) -> None:
        """Return when the running reply has been seen in so many lengths since `watch_growth`."""
        self.page.wait_for_function("(steps) => window.lsnbGrowth.length >= steps", arg=steps, timeout=60_000)

    def growth(self) -> list[int]:
        """Return the lengths noted since `watch_growth`."""
        return self.page.evaluate("window.lsnbGrowth")
