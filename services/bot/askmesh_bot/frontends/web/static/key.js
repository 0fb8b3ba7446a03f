// The API key: asked for when the server wants one, kept for this tab only.
import { apiKey } from "/static/api.js";

/** Opens the dialog. Resolves to true once a key was entered, false if the reader declined. */
export function askForKey(error) {
  const dialog = document.getElementById("key-dialog");
  const input = document.getElementById("key-input");
  const refused = apiKey.get() !== "";
  document.getElementById("key-text").textContent = refused
    ? `${error.message} Enter another one.`
    : "This askmesh answers to people with a key. Ask its operator for one. It is kept in this tab only.";
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  document.getElementById("key-cancel").onclick = () => dialog.close("");
  return new Promise((resolve) => {
    dialog.querySelector("form").onsubmit = () => {
      apiKey.set(input.value.trim());
      dialog.returnValue = "given";
    };
    dialog.addEventListener("close", () => {
      input.value = "";
      showForget();
      resolve(apiKey.get() !== "" && dialog.returnValue === "given");
    }, { once: true });
  });
}

/** The button that forgets the key is there while there is one. */
export function showForget() {
  const control = document.getElementById("forget-key");
  control.hidden = apiKey.get() === "";
  control.onclick = () => {
    apiKey.forget();
    showForget();
  };
}
