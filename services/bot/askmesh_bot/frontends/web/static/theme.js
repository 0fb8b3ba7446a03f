// Loaded before the first paint, so that a chosen theme never flashes the other one.
(() => {
  const chosen = (() => {
    try {
      return localStorage.getItem("askmesh.theme");
    } catch {
      return null; // storage is blocked: follow the system
    }
  })();
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
