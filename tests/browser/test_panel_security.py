"""What a model sends is hostile: nothing of it runs in the panel, nothing is fetched that the reader did not ask for."""

from __future__ import annotations

import json

from conftest import OpenNotebook
from playwright.sync_api import Request, expect

# ruff: noqa: E501 - an attack is easier to read in one line.

# After the OWASP cheat sheet on filter evasion, mutation XSS, and what Markdown adds to it.
VECTORS = [
    "<script>hit()</script>",
    "<img src=x onerror=hit()>",
    "<img src='data:image/svg+xml,<svg onload=hit()>'>",
    "<svg onload=hit()><animate onbegin=hit() attributeName=x dur=1s></svg>",
    "<svg><style><img src=x onerror=hit()></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=hit()></style></mglyph></table></mtext></math>",
    "<math href='javascript:hit()'><mi>click</mi></math>",
    "<noscript><p title='</noscript><img src=x onerror=hit()>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=hit()>",
    "<iframe srcdoc='<script>parent.hit()</script>'></iframe>",
    "<iframe src=javascript:parent.hit()></iframe>",
    "<object data=javascript:hit()></object><embed src=javascript:hit()>",
    "<details open ontoggle=hit()>open</details>",
    "<video><source onerror=hit()></video><audio src=x onerror=hit()>",
    "<input autofocus onfocus=hit()><select autofocus onfocus=hit()><textarea autofocus onfocus=hit()>",
    "<style>@import 'javascript:hit()';*{background:url(javascript:hit())}</style>",
    "<div style='animation-name:x' onanimationstart=hit()>x</div><marquee onstart=hit()>x</marquee>",
    "<a href='javascript:hit()'>link</a> <a href='&#106;avascript:hit()'>link</a> <a href=' java\tscript:hit()'>link</a>",
    "[link](javascript:hit()) [link](JaVaScRiPt:hit()) [link](data:text/html,<script>hit()</script>) <javascript:hit()>",
    '![x](javascript:hit()) ![x](x"onerror="hit()) ![x](data:text/html;base64,PHNjcmlwdD4=)',
    "[a]: javascript:hit() 'x'\n\n[a]",
    "```html onmouseover=hit()\n<script>hit()</script>\n```",
    '```"><img/src=x/onerror=hit()>\ncode\n```',
    "$\\href{javascript:hit()}{x}$ $$\\unicode{<img src=x onerror=hit()>}$$ $<img src=x onerror=hit()>$",
    "| <img src=x onerror=hit()> | b |\n| --- | --- |\n| `<script>hit()</script>` | <b onclick=hit()>b</b> |",
    "<!-- --!><img src=x onerror=hit()> --> <![CDATA[<img src=x onerror=hit()>]]> <?php hit() ?>",
    "<base href=https://example.org/><meta http-equiv=refresh content='0;url=javascript:hit()'><link rel=stylesheet href=x>",
    "<x onclick=hit() tabindex=1 autofocus onfocus=hit()>x</x><button formaction=javascript:hit() data-act=x>b</button>",
    "[^1]: <img src=x onerror=hit()>\n\nnote[^1] <a href='#' onclick=hit()>x</a>",
    '<math><mi><table><mglyph><svg><mtext><textarea><path id="</textarea><img onerror=hit() src=1>">',
    '<svg></p><style><a id="</style><img src=1 onerror=hit()>"><svg><p><style><g title="</style><img src onerror=hit()>">',
    "<div><template shadowrootmode=open><img src=x onerror=hit()></template></div><noscript><style></noscript><img src=x onerror=hit()>",
    '<select><template><style></select><img src=x onerror=hit()></style></template><xmp><p title="</xmp><img src=x onerror=hit()>">',
    "<form id=lsnbExtras name=model><input name=children id=body></form><a id=CSS name=querySelector href=#>x</a>",
    "<img src='data:image/png;base64,AA' srcset='https://images.invalid/s 2x'><p style='background:image-set(url(https://images.invalid/i) 1x)'>x</p>",
    "![x](//images.invalid/a) ![x](/api/x) ![![x](https://images.invalid/b)](https://images.invalid/c) <img src=https:images.invalid>",
    "<p style='position:fixed;inset:0;z-index:9999'>x</p><span class='lsnb-pane jp-Dialog'>x</span><dialog open>x</dialog>",
    "[x](\u00a0javascript:hit()) <a href='\u0001javascript:hit()'>x</a> <a href='jav\u0000ascript:hit()'>x</a> <a href=command:x>x</a>",
    "[^__proto__] [^x]\n\n[^__proto__]: [a](javascript:hit())\n\n[^x]: a\n\n    <details ontoggle=hit() open>",
    "$\\mmlToken{mi}[href=javascript:hit()]{x}$ $\\class{jp-Dialog}{x}$ $\\color{url(https://images.invalid/c)}{x}$ $\\rule{999em}{999em}$",
    "| </td></tr></table><img src=x onerror=hit()> | <details> |\n|---|---|\n| <summary>x | </table><svg onload=hit()> |",
    "\u202e<img src=x onerror=hit()>\u2066 <im\ud800g src=x onerror=hit()> \ud83d\ude00 <\u0131mg src=x onerror=hit()>",
]

SETUP = """
import langswarm_nb as ls
from langswarm_nb.interfaces import Completed, ReasoningDelta, TextDelta
from langswarm_nb.providers.mock import MockProviderSession
class Hostile(MockProviderSession):
    async def send_message_stream(self, content, role="user", metadata=None):
        import asyncio, json
        size, *parts = json.loads(content)
        yield ReasoningDelta("<img src=x onerror=hit()> \\ud83d")
        text = "\\n\\n".join(parts) + "\\n\\nThe end."
        for start in range(0, len(text), size):
            await asyncio.sleep(0)
            yield TextDelta(text[start:start + size])
            if start % 40 == 0:
                await asyncio.sleep(0.05)
        yield Completed(finish_reason="stop")
ls.ProviderSessionFactory.register_provider("hostile", Hostile)
ls.chat(provider="hostile", model="<img src=x onerror=hit()>")
"""


def test_nothing_that_a_model_sends_runs_or_is_fetched(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP)
    lab.page.evaluate("window.hits = 0; window.hit = () => { window.hits += 1; }; null")
    lab.run_all()
    panel = lab.panel()
    fetched: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((lab.lab.url, "blob:", "data:")) or request.url.endswith("/x"):
            fetched.append(request.url)

    lab.page.on("request", note)
    for size in (1, 7, 10_000):
        panel.ask(json.dumps([size, *VECTORS]))
    for summary in panel.root.locator("summary").all():
        summary.click(force=True)
    for link in panel.root.locator(".lsnb-md a").all():
        assert not (link.get_attribute("href") or "").lower().strip().startswith(("javascript", "data", "vbscript"))
    panel.root.locator(".lsnb-md").first.hover()
    lab.page.wait_for_timeout(300)
    assert lab.page.evaluate("window.hits") == 0
    assert fetched == []
    allowed = "b, i, u, s, p, a, ul, ol, li, code, pre"
    assert (
        panel.root.locator(
            ".lsnb-md :is(script, iframe, object, embed, form, base, meta, link, svg:not(.lsnb-icon))"
        ).count()
        == 0
    )
    assert panel.root.locator(f".lsnb-md :is({allowed})").count() > 0
    expect(panel.replies.last).to_contain_text("The end.")


def test_an_image_from_elsewhere_waits_for_the_reader(open_notebook: OpenNotebook) -> None:
    lab = open_notebook(SETUP)
    lab.run_all()
    panel = lab.panel()
    asked: list[str] = []
    lab.page.on("request", lambda request: asked.append(request.url) if "images.invalid" in request.url else None)
    panel.ask('[500, "![a chart](https://images.invalid/chart.png)"]')
    lab.page.wait_for_timeout(300)
    assert asked == []
    show = panel.root.get_by_role("button", name="Show image from images.invalid: a chart")
    with lab.page.expect_request("https://images.invalid/chart.png"):
        show.click()
    expect(panel.replies.last.locator("img[src='https://images.invalid/chart.png']")).to_have_attribute(
        "referrerpolicy", "no-referrer"
    )
    assert asked == ["https://images.invalid/chart.png"]
    lab.errors.clear()
