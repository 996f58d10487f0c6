"""The allow-list, and the one way out: every piece of HTML passes `sanitize` last."""

import re
from functools import cache

import nh3
from pygments.token import STANDARD_TYPES

CLASS_PREFIX = "lsnb-"
ID_PREFIX = "lsnb-fn-"


def words(text: str) -> frozenset[str]:
    """Returns the words of `text`."""
    return frozenset(text.split())


TEXT_TAGS = words(
    "a abbr b blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption "
    "figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup "
    "table tbody td tfoot th thead tr u ul var wbr"
)
MATHS_TAGS = words(
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace msqrt "
    "mstyle msub msubsup msup mtable mtd mtext mtr munder munderover"
)
TAGS = TEXT_TAGS | MATHS_TAGS | {"input", "section"}

MATHS_ATTRIBUTES = words(
    "accent accentunder alttext columnalign columnlines columnspacing depth display displaystyle fence form frame "
    "height largeop linethickness lspace mathcolor mathvariant maxsize minsize movablelimits notation rowlines "
    "rowspacing rspace scriptlevel separator stretchy symmetric voffset width"
)
ATTRIBUTES = {
    "a": {"aria-label", "href", "id", "target", "title"},
    "abbr": {"title"},
    "col": {"span"},
    "details": {"open"},
    "div": {"data-lang", "tabindex"},
    "img": {"alt", "data-src", "src", "title"},
    "input": {"aria-label", "checked", "disabled", "type"},
    "li": {"id", "value"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    **{tag: set(MATHS_ATTRIBUTES) for tag in MATHS_TAGS},
}
CLASSES = {
    "a": {"lsnb-fn-back"},
    "blockquote": {"lsnb-continued"},
    "code": {"lsnb-tex"},
    "div": {"lsnb-code", "lsnb-continued", "lsnb-maths", "lsnb-table"},
    "img": {"lsnb-img-blocked"},
    "input": {"lsnb-checkbox"},
    "li": {"lsnb-task"},
    "ol": {"lsnb-continued"},
    "p": {"lsnb-raw"},
    "section": {"lsnb-footnotes"},
    "span": {CLASS_PREFIX + name for name in STANDARD_TYPES.values() if name},
    "sup": {"lsnb-fn-ref"},
    "td": {"lsnb-center", "lsnb-right"},
    "th": {"lsnb-center", "lsnb-right"},
    "ul": {"lsnb-continued"},
}

LINK = re.compile(r"(?:https?://|mailto:|#)[^\x00-\x20]*", re.IGNORECASE)
REMOTE_IMAGE = re.compile(r"https?://[^\x00-\x20]+", re.IGNORECASE)
INLINE_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}", re.IGNORECASE)

_FORMATS = {
    "colspan": re.compile(r"\d{1,3}"),
    "data-lang": re.compile(r"[\w+#.-]{1,40}"),
    "data-src": REMOTE_IMAGE,
    "href": LINK,
    "id": re.compile(re.escape(ID_PREFIX) + r"[\w:-]+"),
    "rowspan": re.compile(r"\d{1,3}"),
    "span": re.compile(r"\d{1,3}"),
    "src": INLINE_IMAGE,
    "start": re.compile(r"\d{1,9}"),
    "tabindex": re.compile(r"0"),
    "target": re.compile(r"_blank"),
    "type": re.compile(r"checkbox"),
    "value": re.compile(r"\d{1,9}"),
}
# A longer one would let a formula push text over what stands around it.
_SHORT_LENGTH = re.compile(r"(?:-\d?|\+?\d{0,2})(?:\.\d{1,4})?(?:em|ex|px|pt|mu|%)?|thin|medium|thick")
_LENGTHS = {"depth", "height", "linethickness", "lspace", "maxsize", "minsize", "rspace", "voffset", "width"}


def sanitize(html: str) -> str:
    """Returns `html` with nothing left in it but allow-listed tags, attributes, classes and schemes, well-formed."""
    return _cleaner().clean(html)


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES,
        attribute_filter=_checked,
        strip_comments=True,
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"input": {"disabled": "", "type": "checkbox"}},
        url_schemes={"data", "http", "https", "mailto"},
        allowed_classes=CLASSES,
    )


def _checked(tag: str, attribute: str, value: str) -> str | None:
    """Returns the value, or None where it is not in the attribute's format."""
    if attribute in _LENGTHS:
        return value if _SHORT_LENGTH.fullmatch(value) else None
    expected = _FORMATS.get(attribute)
    return value if expected is None or expected.fullmatch(value) else None
