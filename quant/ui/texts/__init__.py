"""Every sentence of the page, in both languages, one file a tab. Spanish addresses the reader as «tú»."""

from __future__ import annotations

from quant.ui.texts.common import *  # noqa: F403
from quant.ui.texts.drift import *  # noqa: F403
from quant.ui.texts.file import *  # noqa: F403
from quant.ui.texts.metrics import *  # noqa: F403
from quant.ui.texts.notebook import *  # noqa: F403
from quant.ui.texts.numbers import *  # noqa: F403
from quant.ui.texts.rounding import *  # noqa: F403
from quant.ui.texts.sidebar import *  # noqa: F403
from quant.ui.texts.speculate import *  # noqa: F403
from quant.ui.texts.start import *  # noqa: F403
from quant.ui.texts.text import *  # noqa: F403
from quant.ui.texts.weights import *  # noqa: F403
