"""Handing conversations to others: exports, redaction, bundles and links for Binder.

```
exports      ls.export: any selection to any format, whole or not at all
  formats    one writer a format
  reading    a conversation as people read it
preview      what redaction would take out
bundle       ls.share_bundle: a folder that opens on Binder
  bundle_notebook  its notebook
  environment      its binder/ files
binder       the links to it
  redactor   rows without secrets and personal data
  selection  which sessions, and reading them a few at a time
  files      files that are whole or not there
```
"""

from .binder import Badge, binder_badge, binder_url
from .bundle import Bundle, share_bundle
from .exports import Exported, ExportedFile, export, export_bytes
from .preview import redaction_preview

__all__ = [
    "Badge",
    "Bundle",
    "Exported",
    "ExportedFile",
    "binder_badge",
    "binder_url",
    "export",
    "export_bytes",
    "redaction_preview",
    "share_bundle",
]
