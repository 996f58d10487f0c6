"""The style sheet of rendered Markdown, light and dark, in the host's own colours where it has them."""

import re

_TOKENS = {
    "keyword": ("k kc kd kn kr kt ow", "jp-mirror-editor-keyword-color", "#0a7a0a", "#6cc56c"),
    "string": ("s s1 s2 sa sb sc sd se sh si sr ss sx dl ld", "jp-mirror-editor-string-color", "#b02020", "#ff9d8a"),
    "number": ("m mb mf mh mi mo il", "jp-mirror-editor-number-color", "#0b6e4f", "#8fd6b0"),
    "name": ("nf fm nc nd ne nn", "jp-mirror-editor-def-color", "#0b4fc4", "#84b6ff"),
    "builtin": ("nb bp nt no nl", "jp-mirror-editor-builtin-color", "#0a6a6a", "#7fd0d0"),
    "attribute": ("na nv vc vg vi vm", "jp-mirror-editor-attribute-color", "#0b4fc4", "#9cc3ff"),
    "operator": ("o", "jp-mirror-editor-operator-color", "#7a1fc2", "#d3a6ff"),
    "comment": ("c c1 ch cm cp cpf cs gh gu", "jp-mirror-editor-comment-color", "#50676b", "#9db3b8"),
    "added": ("gi", "", "#116329", "#7ee787"),
    "removed": ("gd", "", "#a40e26", "#ffa198"),
}

# Classes of Pygments that look different from plain code.
TOKEN_CLASSES = frozenset(short for row in _TOKENS.values() for short in row[0].split()) | {"ge", "gs"}

_COLOURS = {
    "text": ("jp-content-font-color1", "vscode-foreground", "#1f2328", "#e4e6e8"),
    "faint": ("jp-content-font-color2", "vscode-descriptionForeground", "#565d64", "#a9b1b8"),
    "line": ("jp-border-color2", "vscode-panel-border", "#d5d9dd", "#44494e"),
    "back": ("jp-layout-color0", "vscode-textCodeBlock-background", "#fafbfc", "#17191b"),
    "link": ("jp-content-link-color", "vscode-textLink-foreground", "#0b57c4", "#84b6ff"),
}

_DARK_HOSTS = (".vscode-dark", ".vscode-high-contrast", "[data-jp-theme-light=false]", "[theme=dark]")
# There, the variables of JupyterLab's light theme come with ipywidgets' own style sheet, whatever the theme is.
_OTHER_HOSTS = ("[class*=vscode-]", "[theme]")
_NOT_THEIRS = (
    *("content-font-color1", "content-font-color2", "ui-font-color1", "ui-font-color2", "brand-color1"),
    *("border-color1", "border-color2", "layout-color0", "layout-color1", "layout-color2"),
    *("content-font-family", "ui-font-family", "code-font-family"),
)
_LIGHT_HOSTS = (".vscode-light", ".vscode-high-contrast-light", "[data-jp-theme-light=true]", "[theme=light]")

_CONTENT = """
.lsnb-md{color:var(--lsnb-text);line-height:1.55;
font-family:var(--jp-content-font-family,var(--vscode-font-family,system-ui,sans-serif));overflow-wrap:anywhere;contain:paint}
.lsnb-md :is(p,ul,ol,dl,blockquote,details,section,h1,h2,h3,h4,h5,h6,
.lsnb-code,.lsnb-table,.lsnb-maths){margin:0 0 .7em}
.lsnb-md :is(p,li,h1,h2,h3,h4,h5,h6,th,td,dt,dd,summary){unicode-bidi:plaintext}
.lsnb-md :is(pre,code,math){direction:ltr;unicode-bidi:isolate;text-align:left}
.lsnb-md :is(h1,h2,h3,h4,h5,h6){line-height:1.25;margin-top:1.1em;font-weight:600}
.lsnb-md h1{font-size:1.5em}.lsnb-md h2{font-size:1.3em}.lsnb-md h3{font-size:1.15em}
.lsnb-md :is(h4,h5,h6){font-size:1em}
.lsnb-md :is(ul,ol){padding-inline-start:1.8em}.lsnb-md li>:is(p,ul,ol){margin-bottom:.25em}
.lsnb-md .lsnb-task{list-style:none}.lsnb-md .lsnb-checkbox{margin:0 .4em 0 -1.4em}
.lsnb-md a{color:var(--lsnb-link);text-decoration:underline}
.lsnb-md hr{border:0;border-top:1px solid var(--lsnb-line);margin:1.2em 0}
.lsnb-md blockquote{border-inline-start:3px solid var(--lsnb-line);padding-inline-start:.9em;background:none;
color:var(--lsnb-faint)}
.lsnb-md :is(code,kbd,samp,pre){font-size:.92em;
font-family:var(--jp-code-font-family,var(--vscode-editor-font-family,ui-monospace,monospace))}
.lsnb-md pre code{font-size:1em;background:none;color:inherit}
.lsnb-md :is(:not(pre)>code,kbd,samp){color:inherit;background:var(--lsnb-back);border-radius:3px;
border:1px solid var(--lsnb-line);padding:0 .25em}
.lsnb-md .lsnb-code{position:relative;background:var(--lsnb-back);border:1px solid var(--lsnb-line);border-radius:4px}
.lsnb-md .lsnb-code>pre{margin:0;padding:.7em .9em;overflow-x:auto;overflow-wrap:normal;white-space:pre;line-height:1.4;
background:none;color:inherit}
.lsnb-md .lsnb-continued{margin-top:-.7em}
.lsnb-md .lsnb-code.lsnb-continued{border-top:0;border-radius:0 0 4px 4px}.lsnb-md .lsnb-continued>pre{padding-top:0}
.lsnb-md .lsnb-continued thead{display:none}
.lsnb-md :is(.lsnb-table,.lsnb-maths){overflow-x:auto;overflow-wrap:normal}
.lsnb-md .lsnb-maths{text-align:center;padding:.2em 0}.lsnb-md [mathvariant^=bold]{font-weight:bold}
.lsnb-md table{color:inherit;border-collapse:collapse;margin:0;font-size:.95em}
.lsnb-md.lsnb-md table :is(th,td){border:1px solid var(--lsnb-line);padding:.3em .7em;
text-align:start;vertical-align:top}
.lsnb-md th{font-weight:600}.lsnb-md.lsnb-md table .lsnb-right{text-align:right}
.lsnb-md.lsnb-md table .lsnb-center{text-align:center}
.lsnb-md img{max-width:100%}
.lsnb-md .lsnb-img-blocked{display:inline-block;min-width:6em;min-height:1.4em;padding:.2em .6em;
border:1px dashed var(--lsnb-faint);color:var(--lsnb-faint)}
.lsnb-md .lsnb-raw{white-space:pre-wrap}
.lsnb-md summary{cursor:pointer;color:var(--lsnb-faint)}
.lsnb-md .lsnb-footnotes{border-top:1px solid var(--lsnb-line);padding-top:.6em;font-size:.9em;color:var(--lsnb-faint)}
.lsnb-md .lsnb-ge{font-style:italic}.lsnb-md .lsnb-gs{font-weight:600}
"""


def stylesheet() -> str:
    """Returns the CSS of rendered Markdown; every rule is about `.lsnb-md`, or what it stands in."""
    colours = [*_COLOURS.items(), *((name, row[1:]) for name, row in _TOKENS.items())]
    variables = ";".join(f"--lsnb-{name}:{_colour(*row)}" for name, row in colours)
    rules = [
        f".lsnb-md{{color-scheme:light dark;{variables}}}",
        f"{_under(_OTHER_HOSTS)}{{{';'.join(f'--jp-{name}:initial' for name in _NOT_THEIRS)}}}",
        f"{_under(_DARK_HOSTS)}{{color-scheme:dark}}",
        f"{_under(_LIGHT_HOSTS)}{{color-scheme:light}}",
        re.sub(r"(?<=[,;])\n", "", _CONTENT.strip()),
        *(_token_rule(name, row[0]) for name, row in _TOKENS.items()),
    ]
    return "\n".join(rules)


def _colour(*preferred: str) -> str:
    """Returns the value of the first of the host's variables that exists; the last two are our light and dark."""
    *variables, light, dark = preferred
    value = f"light-dark({light},{dark})"
    for variable in reversed(variables):
        value = f"var(--{variable},{value})" if variable else value
    return value


def _under(hosts: tuple[str, ...]) -> str:
    return f":is({','.join(hosts)}) :is(.lsnb-md,.lsnb-panel)"


def _token_rule(name: str, classes: str) -> str:
    selectors = ",".join(f".lsnb-{short}" for short in classes.split())
    return f".lsnb-md :is({selectors}){{color:var(--lsnb-{name})}}"
