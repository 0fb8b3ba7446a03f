// Wires the page together.
import { latestButton, themeToggle } from "/static/appearance.js";
import { Chat } from "/static/chat.js";
import { Composer } from "/static/composer.js";
import { askForKey, showForget } from "/static/key.js";
import { welcome } from "/static/welcome.js";

const byId = (id) => document.getElementById(id);

const chat = new Chat(byId("conversation"), askForKey);
new Composer(byId("composer"), chat);
themeToggle(byId("theme"));
latestButton(byId("latest"), byId("conversation"), document.querySelector(".dock"));
showForget();

byId("clear").addEventListener("click", () => {
  chat.clear();
  byId("question").focus();
});

let greeted = false;
chat.addEventListener("change", () => {
  byId("welcome").hidden = !chat.empty;
  byId("clear").hidden = chat.empty;
  document.title = chat.empty ? "askmesh" : `${chat.lastQuestion.slice(0, 60)} – askmesh`;
  if (chat.empty && !greeted) {
    greeted = true;
    welcome(byId("examples"), (question) => chat.ask(question));
  }
});
chat.restore();

// A deep link asks at once, and leaves the address so that a reload does not ask again.
const linked = new URLSearchParams(location.search).get("q")?.trim();
if (linked) {
  history.replaceState(null, "", location.pathname);
  chat.ask(linked);
} else if (matchMedia("(pointer: fine)").matches) {
  byId("question").focus();
}
