"""Open the lab: `python app.py`. Host and port follow GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""

import gc
import os

# What is imported stays: to collect again and again among its 800,000 objects is a fifth of the start.
gc.disable()  # until `main` has built the page
# Before torch and gradio are imported: nothing calls home, and threads that wait leave the processor to those that
# work (several visitors share two cores).
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")  # nobody reads them, and each call sums them all up
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from quant.ui.border.folder import own_folder  # noqa: E402

own_folder()  # gradio reads where its files go when it is imported

from quant.ui.launch import main  # noqa: E402

if __name__ == "__main__":
    main()
