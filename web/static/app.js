// Everything works without this file; it adds what a page alone cannot do.

// A request of htmx that fails must say so, and a session that ended must not put the sign-in page into a button.
const failure = document.getElementById("failure");
let hide;

function tell(text) {
  failure.textContent = text;
  clearTimeout(hide);
  hide = setTimeout(() => failure.textContent = "", 10_000);
}

failure.addEventListener("click", () => tell(""));
document.addEventListener("htmx:sendError", () => tell(failure.dataset.away));
document.addEventListener("htmx:responseError", event => {
  tell(event.detail.xhr.status < 500 ? failure.dataset.refused : failure.dataset.failed);
});
document.addEventListener("htmx:beforeSwap", event => {
  const { xhr, pathInfo } = event.detail;
  const answered = new URL(xhr.responseURL, location);
  if (answered.pathname === new URL(pathInfo.finalRequestPath, location).pathname) return;
  event.detail.shouldSwap = false;
  answered.searchParams.set("next", location.pathname + location.search);
  location.assign(answered);
});

// The chosen photo, before it is sent.
const chooser = document.querySelector("input[type=file][name=photo]");
const preview = document.getElementById("preview");

chooser?.addEventListener("change", () => {
  URL.revokeObjectURL(preview.src);
  preview.hidden = !chooser.files.length;
  if (chooser.files.length) preview.src = URL.createObjectURL(chooser.files[0]);
});
preview?.addEventListener("error", () => preview.hidden = true);

// Two taps on a photo like it; they never take a like back.
document.querySelector(".photo img")?.addEventListener("dblclick", () => {
  document.querySelector(".heart button[aria-pressed=false]")?.click();
});
