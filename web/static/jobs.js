// The dashboard works without this file; it adds refreshing, selecting all, and the reader's own clock.

const pace = () => Number(localStorage.getItem("jobs-pace") ?? 5);
let last = Date.now();

// Nothing is swapped under somebody's hands, or while nobody looks.
function atRest() {
  const live = document.getElementById("live");
  if (!live || "still" in live.dataset || document.hidden) return false;
  if (document.getSelection()?.toString()) return false;
  return !live.querySelector(":checked:not(option), details[open], :focus-visible, input:focus, select:focus");
}

setInterval(() => {
  if (!pace() || Date.now() - last < pace() * 1000 || !atRest()) return;
  last = Date.now();
  htmx.trigger("#live", "refresh");
}, 250);

document.addEventListener("visibilitychange", () => last = 0);

function prepare() {
  const select = document.getElementById("pace");
  if (select) {
    select.value = String(pace());
    select.closest("label").hidden = false;
  }
  const current = document.querySelector(".sections [aria-current]");
  if (current) current.parentElement.scrollLeft = current.offsetLeft - current.parentElement.offsetLeft - 40;
  for (const label of document.querySelectorAll(".pick-all")) label.hidden = false;
  for (const time of document.querySelectorAll("#live time")) {
    time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "long" });
  }
}

document.addEventListener("change", ({ target }) => {
  if (target.id === "pace") {
    localStorage.setItem("jobs-pace", target.value);
    last = Date.now();
    target.blur();
  }
  if (target.closest(".pick-all")) {
    for (const box of target.form.querySelectorAll("[name=picked]")) box.checked = target.checked;
  }
});

document.addEventListener("htmx:afterSwap", prepare);
prepare();
