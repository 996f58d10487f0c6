"""The shapes of keys and tokens that services hand out: what they begin with, and how they go on.

Each shape is narrow enough to leave words, commit hashes and UUIDs alone. A key without a shape of its own (32 letters
and digits, say) is only known by the name that it is given to: see `assigned`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_W = r"[A-Za-z0-9_\-]"  # what base64url and most tokens are made of
_A = "[A-Za-z0-9]"
_X = "[0-9a-fA-F]"

_SHAPES = (
    # models
    r"(?:sk|pk|rk)-[A-Za-z0-9_*.\-]{6,}",  # OpenAI, Anthropic, OpenRouter, Langfuse, ...
    rf"hf_{_W}{{8,}}",
    rf"(?:gsk|fw|r8|pcsk|jina|e2b|csk)_{_W}{{20,}}",  # Groq, Fireworks, Replicate, Pinecone, Jina, E2B, Cerebras
    rf"(?:pplx|xai|nvapi|tvly|fc|voyage|pa)-{_W}{{20,}}",
    rf"tgp_v1_{_W}{{16,}}|lsv2_(?:pt|sk)_{_W}{{16,}}|wandb_v1_{_W}{{16,}}",
    # code and packages
    rf"gh[pousr]_{_W}{{8,}}|github_pat_{_W}{{8,}}|gl(?:pat|ptt|dt|rt|ft|soat|cbt|imt|agent|oas)-{_W}{{8,}}",
    rf"npm_{_A}{{20,}}|pypi-{_W}{{16,}}|rubygems_{_X}{{20,}}|dckr_[a-z]{{3}}_{_W}{{10,}}|ATATT3{_W}{{16,}}",
    rf"sq[up]_{_X}{{20,}}|CCIP(?:AT|RJ)_{_W}{{20,}}|bkua_{_X}{{20,}}|PMAK-{_W}{{20,}}|figd_{_W}{{16,}}",
    # clouds
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}",
    rf"AIza{_W}{{8,}}|ya29\.{_W}{{16,}}|GOCSPX-{_W}{{16,}}|1//0{_W}{{20,}}",
    rf"do[opr]_v1_{_X}{{16,}}|dapi{_X}{{32}}(?:-\d)?|LTAI{_A}{{12,}}|AKID{_A}{{13,}}|tskey-{_W}{{10,}}|HRKU-{_W}{{20,}}",
    rf"hv[sbr]\.{_W}{{16,}}|{_A}{{14}}\.atlasv1\.{_W}{{20,}}|dp\.(?:pt|st|ct|sa|scim|audit)\.{_A}{{20,}}",
    rf"sb(?:p|_secret|_publishable)_{_W}{{16,}}|nfp_{_W}{{16,}}|vc[pkiar]_{_W}{{20,}}|rnd_{_A}{{20,}}|fo1_{_W}{{20,}}",
    rf"{_W}{{3}}8Q~[A-Za-z0-9_\-.~]{{30,}}|AGE-SECRET-KEY-1[A-Z0-9]{{20,}}|ops_eyJ{_W}{{16,}}",
    # money
    rf"(?:sk|pk|rk|ek)_(?:live|test|prod)_{_A}{{8,}}|whsec_[A-Za-z0-9+/=]{{16,}}",
    rf"sq0[a-z]{{3}}-{_W}{{16,}}|shp(?:at|ss|ca|pa|tka)_{_X}{{16,}}|access_token\$[a-z]+\$[a-z0-9]{{8,}}\${_X}{{16,}}",
    # messages and mail
    rf"xox[abeoprs]-{_W}{{8,}}|xoxe\.xox[bp]-{_W}{{8,}}|xapp-{_W}{{8,}}",
    rf"SG\.{_W}{{16,}}\.{_W}{{16,}}|key-[0-9a-f]{{32}}|[0-9a-f]{{32}}-us\d{{1,2}}|(?:SK|AC)[0-9a-f]{{32}}",
    rf"\d{{8,10}}:AA{_W}{{32,}}|[MNO]{_W}{{23,25}}\.{_W}{{6}}\.{_W}{{27,}}|{_W}{{5,40}}:APA91b{_W}{{20,}}",
    rf"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_\-]{{16,}}|discord(?:app)?\.com/api/webhooks/\d+/{_W}{{20,}}",
    r"[a-z0-9\-]{1,60}\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/_\-]{30,}",
    rf"EAA{_A}{{30,}}|A{{20,}}{_W}[A-Za-z0-9%]{{20,}}|sl\.{_W}{{40,}}",
    # work
    rf"lin_(?:api|oauth)_{_A}{{16,}}|(?:secret|ntn)_{_A}{{30,}}|pat{_A}{{14}}\.[0-9a-f]{{40,}}|CFPAT-{_W}{{20,}}",
    rf"gl(?:sa|c)_[A-Za-z0-9_=]{{20,}}|NR(?:AK|JS|II|AL|RA)-{_W}{{16,}}|sntry[su]_[A-Za-z0-9_=+/]{{20,}}|ph[cx]_{_A}{{20,}}",
    # what carries its own description: JSON web tokens, encrypted ones too
    r"eyJ[A-Za-z0-9_\-]{8,1200}(?:\.[A-Za-z0-9_\-]*){2,4}",
)
_ANY = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_SHAPES)})")
# Keys are long words: only those are looked at closely, which is ten times as fast as looking everywhere.
_LONG_WORD = re.compile(r"[A-Za-z0-9_\-.:/+~=$%&?#@*,;|]{9,}+")


def vendor_keys(text: str) -> Iterator[Span]:
    """Yield where `text` has a key or token of a service's own shape, as (start, end)."""
    for word in _LONG_WORD.finditer(text):
        for match in _ANY.finditer(text, word.start(), word.end()):
            yield match.span()


_TOKEN = re.compile(r"(?<![A-Za-z0-9/+_\-.=])[A-Za-z0-9_\-]{24,200}(?![A-Za-z0-9/+_\-=])")
# Ids that services give to messages, calls and files open nothing.
_ID = re.compile(r"(?:chatcmpl|msg|call|(?:srv)?toolu|resp|req|rs|fc|conv|item|file|run|thread|gen|step|id)[_\-]")
_RUN = re.compile(r"[A-Z]+|[a-z]+|[0-9]+|[_\-]+")


def random_tokens(text: str) -> Iterator[Span]:
    """Yield words of 24 letters and digits or more that look thrown with dice: keys of services that nobody listed.

    Hexadecimal ones stay: commits, digests and UUIDs are written so.
    """
    for word in _TOKEN.finditer(text):
        token = word.group()
        runs = _RUN.findall(token)
        digits, upper, lower = (sum(map(kind, token)) for kind in (str.isdigit, str.isupper, str.islower))
        if len(runs) >= 0.4 * len(token) and digits >= 2 and upper >= 4 and lower >= 4 and not _ID.match(token):
            yield word.span()
