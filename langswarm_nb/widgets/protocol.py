"""The messages between kernel and page, version 1; `static/chat/store.js` mirrors them.

Kernel to page: what changes the conversation is numbered (`seq`, one more each time). A page that sees a gap, another
`session`, or a delta that does not fit asks for a `resync` from the number it holds and gets one `patch` with all that
changed since. `heard` confirms a request at once, before anything is done about it. A message with `to` is for the
view that asked; the others ignore it.

Page to kernel: every message names its `view`, every request has a `rid`, both of the page's making. A view says
`ready` when it is there, and again whenever it lacks something; `gone` when it is taken away.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

VERSION = 1


class Numbers(TypedDict):
    """What stands under a reply, ready to be read; `detail` is the long form."""

    time: str
    tokens: str
    cost: str
    detail: str


class Branch(TypedDict):
    """Where a message stands among its alternatives; `at` counts from 1."""

    at: int
    ids: list[str]


class ErrorCard(TypedDict):
    """What went wrong and what to do, in one sentence, and what else is worth knowing."""

    text: str
    details: list[list[str]]


class Attachment(TypedDict):
    """A file that goes with a message. An `image` may be shown, as its `type` says; a `file` is a name only."""

    name: str
    kind: Literal["image", "file"]
    type: str
    bytes: int
    size: str


class MessageView(TypedDict):
    """One message as the page shows it. `html` and `tail` come from the renderer; everything else is shown as it is.

    `text` is what was typed, `sent` what the model got where the two differ.
    """

    id: str
    role: str
    author: str
    state: Literal["running", "complete", "interrupted", "error"]
    text: NotRequired[str]
    sent: NotRequired[str]
    html: NotRequired[str]
    tail: NotRequired[str]
    reasoning: NotRequired[str]
    note: NotRequired[str]
    tools: NotRequired[list[str]]
    attachments: NotRequired[list[Attachment]]
    numbers: NotRequired[Numbers]
    error: NotRequired[ErrorCard]
    branch: NotRequired[Branch]
    rating: NotRequired[str]
    time: NotRequired[str]


class Ask(TypedDict):
    """A call of a tool that waits for the reader's word."""

    id: str
    name: str
    arguments: str


class Setting(TypedDict):
    """One field of the settings; '' stands for the provider's own."""

    name: str
    label: str
    kind: Literal["text", "number", "choice"]
    value: str
    help: str
    most: NotRequired[int]
    choices: NotRequired[list[str]]


class Header(TypedDict):
    """All that is not a message.

    `archived` chats are read-only, those in the trash, too: `closed` says so, and `reopen` is what ends it, in a word.
    `set` says in words what the reader has set; `asks` are the calls that wait for her word.
    `running` is the id of the reply that streams, or ''; `earlier` counts the messages that are left out; `managed`
    says whether the panel can open other sessions; `replay` is what a recording says of itself.
    """

    session: str
    title: str
    tags: list[str]
    model: str
    models: list[str]
    cost: str
    archived: bool
    closed: str
    reopen: str
    mock: bool
    running: str
    earlier: int
    managed: bool
    set: list[str]
    asks: list[Ask]
    replay: NotRequired[str]


class Patch(TypedDict):
    """What changed since `base`; with `base` 0 it is everything. `order` lists the ids that are shown, oldest first."""

    kind: Literal["patch"]
    session: str
    seq: int
    base: int
    header: NotRequired[Header]
    order: NotRequired[list[str]]
    messages: NotRequired[list[MessageView]]
    answers: NotRequired[str]
    to: NotRequired[str]


class Delta(TypedDict):
    """More of the running reply: blocks that are final, and the open tail as a change to the one before.

    The new tail is the first `keep` characters of the old one, then `add`, then its last `back` characters; lengths in
    UTF-16 units, as the page counts. `reasoning` replaces what was shown of the model's thinking.
    """

    kind: Literal["delta"]
    session: str
    seq: int
    id: str
    frozen: list[str]
    keep: int
    add: str
    back: int
    reasoning: NotRequired[str]


class Heard(TypedDict):
    """The kernel has the request."""

    kind: Literal["heard"]
    rid: str


class Failed(TypedDict):
    """A request came to nothing; nothing was stored."""

    kind: Literal["failed"]
    rid: str
    error: ErrorCard


class Answer(TypedDict):
    """What a request asked for: `source`, `sessions`, `names`, or just that it is done."""

    kind: Literal["answer"]
    rid: str
    value: Any


ToPage = Patch | Delta | Heard | Failed | Answer


class Request(TypedDict):
    """Any request; the fields besides `kind` and `rid` depend on the kind.

    A page that may not have heard the answer asks `again`, with the same `rid`: what is done already is not done twice.

    | kind | fields | what happens |
    | --- | --- | --- |
    | ready | session, have, version, link (a session's id) | a patch for this view with what it lacks |
    | gone | | nothing is sent while there is no view |
    | ack | seq | the page has shown everything up to here |
    | typing | over | somebody types, or is over with it; what costs the page much waits for that |
    | keep | | what the notebook keeps is brought up to date before the answer |
    | send | text, files | a turn; its first patch `answers` the request; `files` are ids of attached ones |
    | attach | file, name, size, at, base64 | a piece of a file; answer to the last: an Attachment |
    | detach | file | the file is not sent |
    | attachment | id, at | answer: token and size of a stored attachment |
    | piece | token, at | answer with bytes: a piece of what the token stands for |
    | extras | | answer: script and style of what a page needs now and then |
    | stop | | the running reply ends, what came is kept |
    | regenerate | id | another reply to the same question |
    | edit | id, text | another question in the place of this one |
    | switch_branch | id | the conversation goes on through this message |
    | feedback | id, rating (up, down, ''), note | stored as an event |
    | source | id | answer: the message's Markdown |
    | earlier | | a patch with older messages |
    | complete | prefix | answer: [name, what it is] of the notebook's variables |
    | sessions | text | answer: earlier sessions, newest first |
    | open | session | this panel shows another session |
    | new_chat | | this panel shows a new session |
    | model | model | the next turn goes to another model |
    | rename | title | the session has another title |
    | tags | tags | the session has these tags and no others |
    | settings | | answer: the fields, each a Setting |
    | set_settings | values by name | answer: problems by name; with none they hold from the next turn on |
    | numbers | | answer: what the whole chat has used, each [name, value] |
    | exports | | answer: formats, each [name, label, what for], and the notebook's folder |
    | export | format, redact, to (page, notebook) | answer: what was made, in words; for a page with token and size |
    | approve | id, allow, always, reason | the word that an Ask waits for |
    | archive, unarchive | | read-only, and back, out of the trash as well |
    | replay | | a recording plays from its beginning |
    """

    kind: str
    view: str
    rid: NotRequired[str]
