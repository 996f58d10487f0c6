"""Who works the panel by the keyboard alone keeps her place: each action leaves the focus where one goes on from."""

from __future__ import annotations

from conftest import LabPage, OpenNotebook, Panel
from playwright.sync_api import Locator, expect

SETUP = """
import langswarm_nb as ls
from langswarm_nb.interfaces import Completed, TextDelta
from langswarm_nb.providers.mock import MockProviderSession

class Noted(MockProviderSession):
    async def send_message_stream(self, content, role="user", metadata=None):
        yield TextDelta(f"{content}[^1] [nowhere](#) [nor there](#a:b[c])\\n\\n[^1]: The note.")
        yield Completed(finish_reason="stop")

ls.ProviderSessionFactory.register_provider("noted", Noted)
ls.chat(provider="noted", model="model")
"""


def press(lab: LabPage, button: Locator) -> None:
    button.focus()
    lab.page.keyboard.press("Enter")


def edit(lab: LabPage, panel: Panel) -> Locator:
    press(lab, panel.questions.last.get_by_role("button", name="Edit"))
    box = panel.root.get_by_label("Edit the message")
    expect(box).to_be_focused()
    return box


def test_the_focus_stays_with_the_reader(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP)
    lab.run_all()
    panel = lab.panel()
    press(lab, panel.root.locator(".lsnb-example").first)
    expect(panel.box).to_be_focused()
    panel.wait_for_replies(1)

    edit_button = panel.questions.last.get_by_role("button", name="Edit")
    edit(lab, panel).press("Escape")
    expect(edit_button).to_be_focused()
    edit(lab, panel)
    press(lab, panel.button("Cancel"))
    expect(edit_button).to_be_focused()
    panel.box.press("ArrowUp")
    panel.root.get_by_label("Edit the message").press("Escape")
    expect(panel.box).to_be_focused()
    edit(lab, panel).fill("Something else")
    lab.page.keyboard.press("Enter")
    expect(panel.questions.last.get_by_role("group")).to_have_text("2/2")
    panel.wait_for_replies(1)
    expect(panel.box).to_be_focused()

    # At the first version there is only the way on.
    before, after = (
        panel.questions.last.get_by_role("button", name=name) for name in ("Version before", "Next version")
    )
    press(lab, before)
    expect(after).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(before).to_be_focused()

    # A note and the way back; a link that leads nowhere does nothing.
    to_note = panel.replies.last.get_by_role("link", name="note 1")
    press(lab, to_note)
    expect(panel.replies.last.get_by_role("link", name="back to the text")).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(to_note).to_be_focused()
    for words in ("nowhere", "nor there"):
        press(lab, panel.replies.last.get_by_role("link", name=words))
        expect(panel.replies.last.get_by_role("link", name=words)).to_be_focused()

    panel.button("More").click()
    press(lab, panel.root.locator(".lsnb-item", has_text="Archive"))
    expect(panel.button("More")).to_be_focused()
    press(lab, panel.button("Unarchive"))
    expect(panel.box).to_be_focused()
