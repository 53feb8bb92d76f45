// Works without: the pictures have their own tooltips, and what is folded can be unfolded.
(() => {
  const tip = document.createElement("output");
  tip.id = "tip";
  document.body.append(tip);
  const show = (event) => {
    const place = event.target.closest?.(".places rect");
    tip.hidden = !place;
    if (!place) return;
    tip.textContent = place.textContent;
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const box = place.getBoundingClientRect();
    tip.style.transform = `translate(${Math.max(8, x)}px, ${Math.max(4, box.top - tip.offsetHeight - 4)}px)`;
  };
  for (const kind of ["pointermove", "pointerdown", "scroll"]) addEventListener(kind, show, { passive: true });
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }));
})();
