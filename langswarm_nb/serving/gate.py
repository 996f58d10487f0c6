"""One gate before everything that is served: without the token there is nothing, whatever is asked for."""

from __future__ import annotations

import hmac
import secrets
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # The token is in the address that was opened first.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
_REFUSAL = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Token needed</title>"
    "<style nonce='{nonce}'>html{{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}}"
    "body{{max-width:34rem;margin:15vh auto;padding:0 1rem}}</style>"
    "<h1>This page needs its token</h1>"
    "<p>Open the whole address that was printed where the server was started, with <code>?token=</code> and all.</p>"
)


def policy(nonce: str) -> str:
    """Return the Content-Security-Policy of the page: scripts are its own, and nothing is loaded from elsewhere."""
    return "; ".join([
        HEADERS["Content-Security-Policy"],
        # A widget's module reaches the page as a blob. `strict-dynamic` would let such a module load from anywhere.
        f"script-src 'self' 'nonce-{nonce}' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src blob:",
    ])  # fmt: skip


class TokenOnly(IdentityProvider):
    """Knows one visitor: who has the token in the address or a header, or the cookie that it was changed for."""

    async def get_user_token(self, handler: web.RequestHandler) -> User | None:
        given = self.get_token(handler) or ""
        if not (self.token and hmac.compare_digest(given.encode(), self.token.encode())):
            return None
        return self.generate_anonymous_user(handler)

    def get_handlers(self) -> list[tuple[str, object]]:
        """Return none: there is no form to log in with."""
        return []


class Gate:
    """Before a handler: nobody passes whom the identity provider does not know."""

    async def prepare(self, **options: Any) -> None:
        await super().prepare(**options)  # pyright: ignore[reportAttributeAccessIssue]
        if not self.current_user:  # pyright: ignore[reportAttributeAccessIssue]
            raise web.HTTPError(403)

    def get_login_url(self) -> str:
        """Refuse in place of leading to a form."""
        raise web.HTTPError(403)

    def write_error(self: Any, status_code: int, **options: Any) -> None:
        nonce = secrets.token_urlsafe(16)
        self.set_header("Content-Security-Policy", f"{HEADERS['Content-Security-Policy']}; style-src 'nonce-{nonce}'")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(_REFUSAL.format(nonce=nonce) if status_code == 403 else f"<!doctype html><p>Error {status_code}.")


def gated(handler: type[web.RequestHandler]) -> type[web.RequestHandler]:
    """Return the handler behind the gate."""
    bases = (Gate, handler) if issubclass(handler, JupyterHandler) else (Gate, JupyterHandler, handler)
    return type(f"Gated{handler.__name__}", bases, {})
