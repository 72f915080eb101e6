// What the theme leaves without a name for who does not see it.
for (const summary of document.querySelectorAll("nav details > summary")) {
  const chapter = summary.closest("li").querySelector("a");
  summary.setAttribute("aria-label", `The sittings of ${chapter.textContent.trim()}`);
}
