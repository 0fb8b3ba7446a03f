// Light and dark: the system's choice until the reader makes one.

export function themeToggle(control) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const show = () => control.setAttribute("aria-pressed", String(isDark()));

  control.hidden = false;
  control.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("askmesh.theme", root.dataset.theme);
    } catch {
      // Storage is blocked: the choice lasts as long as the page.
    }
    show();
  });
  dark.addEventListener("change", show);
  show();
}

/** The button that leads to the newest turn, shown while its end is out of sight. */
export function latestButton(control, conversation, dock) {
  const hiddenBelow = () => conversation.getBoundingClientRect().bottom - dock.getBoundingClientRect().top > 80;
  const show = () => (control.hidden = !hiddenBelow());
  control.addEventListener("click", () => scrollTo({ top: document.documentElement.scrollHeight, behavior: "auto" }));
  addEventListener("scroll", show, { passive: true });
  new ResizeObserver(show).observe(conversation);
}
