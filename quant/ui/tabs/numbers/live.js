// <lab-live data-lab='...'>: figures of the live model and layer. Gradio replaces the element or only its attribute when
// they change; it tells the panels, which so keep their own state. `quantiles` is the base64 of float32 numbers.
(() => {
  "use strict";
  class LabLive extends HTMLElement {
    static observedAttributes = ["data-lab"];

    attributeChangedCallback() {
      const live = JSON.parse(this.dataset.lab);
      const bytes = Uint8Array.from(atob(live.quantiles), (c) => c.charCodeAt(0));
      window.labLive = { ...live, quantiles: new Float32Array(bytes.buffer) };
      window.dispatchEvent(new Event("lab-live"));
    }
  }

  customElements.define("lab-live", LabLive);
})();
