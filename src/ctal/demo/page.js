// Values under the pointer, and images for the keyboard. Served with the page, which loads no other
// script of ours. `#values [data-values]` has for each task a text for every pixel of a small grid.
(() => {
  "use strict";
  const IMAGES = ".ctal-image img";
  let source = "";
  let shown = null;

  function values() {
    const found = document.querySelector("#values [data-values]");
    if (!found) return null;
    if (found.dataset.values !== source) {
      source = found.dataset.values;
      shown = JSON.parse(source);
      for (const task of shown.tasks) {
        const bytes = Uint8Array.from(atob(task.index), (c) => c.charCodeAt(0));
        task.index = new Uint16Array(bytes.buffer);
      }
    }
    return shown;
  }

  function textAt(x, y) {
    const maps = values();
    if (!maps) return "";
    const column = Math.min(maps.width - 1, Math.max(0, Math.floor(x * maps.width)));
    const row = Math.min(maps.height - 1, Math.max(0, Math.floor(y * maps.height)));
    const place = row * maps.width + column;
    return maps.tasks.map((task) => task.texts[task.index[place]]).join(" · ");
  }

  const tip = document.createElement("div");
  tip.id = "ctal-tip";
  tip.setAttribute("role", "status");
  tip.setAttribute("aria-live", "polite");
  tip.hidden = true;

  function show(left, top, x, y) {
    const text = textAt(x, y);
    tip.hidden = !text;
    if (tip.textContent !== text) tip.textContent = text;
    const right = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(left + 16, right))}px`;
    tip.style.top = `${top > 60 ? top - 44 : top + 20}px`;
  }

  document.addEventListener("pointermove", (event) => {
    const image = event.target.closest?.(IMAGES);
    if (!image) {
      if (!document.activeElement?.matches?.(IMAGES)) tip.hidden = true;
      return;
    }
    const { left, top, width, height } = image.getBoundingClientRect();
    const x = (event.clientX - left) / width;
    const y = (event.clientY - top) / height;
    show(event.clientX, event.clientY, x, y);
  });

  // keyboard: arrows move a cursor in the focused image, Enter chooses the pixel
  const cursor = { x: 0.5, y: 0.5 };
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  const ring = document.createElement("div");
  ring.id = "ctal-ring";
  ring.hidden = true;

  function point(image) {
    const { left, top, width, height } = image.getBoundingClientRect();
    const place = { clientX: left + cursor.x * width, clientY: top + cursor.y * height };
    ring.hidden = false;
    ring.style.left = `${place.clientX}px`;
    ring.style.top = `${place.clientY}px`;
    show(place.clientX, place.clientY, cursor.x, cursor.y);
    return place;
  }

  document.addEventListener(
    "keydown",
    (event) => {
      if (!event.target.matches?.(IMAGES)) return;
      if (event.key in STEPS) {
        const step = event.shiftKey ? 0.1 : 0.02;
        const [dx, dy] = STEPS[event.key];
        cursor.x = Math.min(0.999, Math.max(0, cursor.x + dx * step));
        cursor.y = Math.min(0.999, Math.max(0, cursor.y + dy * step));
        point(event.target);
      } else if (event.key === "Enter" || event.key === " ") {
        event.target.dispatchEvent(new MouseEvent("click", { bubbles: true, ...point(event.target) }));
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    },
    true
  );
  document.addEventListener("focusin", (event) => {
    ring.hidden = tip.hidden = true;
    // not after a click, which has its own place
    if (event.target.matches?.(":focus-visible") && event.target.matches(IMAGES)) point(event.target);
  });

  function prepare() {
    // another image: the text is that of the last one
    if (document.querySelector("#values [data-values]")?.dataset.values !== source) tip.hidden = true;
    for (const image of document.querySelectorAll(IMAGES)) {
      if (image.tabIndex === 0) continue;
      image.tabIndex = 0;
      image.setAttribute("aria-describedby", "ctal-keys");
      // the element around it would be a second stop of the Tab key
      image.closest("button")?.setAttribute("tabindex", "-1");
    }
  }

  function start() {
    document.documentElement.lang ||= "en";
    const keys = document.createElement("div");
    keys.id = "ctal-keys";
    keys.hidden = true;
    keys.textContent = "Arrow keys move the cursor, Enter explains the pixel.";
    document.body.append(tip, ring, keys);
    new MutationObserver(prepare).observe(document.body, { childList: true, subtree: true });
    prepare();
  }
  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);
})();
