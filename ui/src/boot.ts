// Runs before the first paint, so that the page is painted once: in the colours the host had last
// time, and with the controls that need script.

const root = document.documentElement;
root.classList.add("is-live");
try {
  const mode = localStorage.getItem("touchstone:color-mode");
  if (mode) root.dataset["colorMode"] = mode;
} catch {
  // A frame may be denied storage; then the reader's system decides until the host has spoken.
}
// A script that does not arrive, or finds no host, leaves a page that says so instead of waiting.
addEventListener("error", () => root.classList.add("is-broken"), { capture: true });
