// Copy buttons: `data-copy` names the field. Where the frame may not write to the clipboard, the
// text is selected, so that one key does the rest.

export function followCopying(): void {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("[data-copy]");
    if (!(button instanceof HTMLElement)) return;
    const field = document.getElementById(button.dataset["copy"] ?? "");
    if (!(field instanceof HTMLInputElement)) return;
    field.select();
    navigator.clipboard
      ?.writeText(field.value)
      .then(() => {
        button.textContent = "Copied";
      })
      .catch(() => field.select());
  });
}
