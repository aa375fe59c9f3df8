
// New images to look at one by one. The marks of a row are a set of keys, each [seed, variant] as JSON.
function weed(place) {
  const look = JSON.parse(place.querySelector("script").textContent);
  const parts = Object.fromEntries([...place.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const shownRow = () => look.rows[parts.row.selectedIndex];
  const shownFigure = () => look.figures[parts.figure.selectedIndex];
  let current = null; // the image that the Tab key leads to

  // Marks of other images, or of a run with other lists, are kept apart by the row's state.
  const storage = (row) => `weed ${look.dataset} ${look.draw} ${row.method} ${row.state}`;

  function remembered(row) {
    try {
      const found = JSON.parse(localStorage.getItem(storage(row)));
      return Array.isArray(found) && found.every((key) => typeof key === "string") ? found : null;
    } catch {
      return null; // a browser may refuse, or somebody else have written there
    }
  }

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function picture(src) { // few pixels are shown as they are
    const onload = ({ target }) => target.parentElement?.classList.toggle("small", target.naturalWidth < 64);
    return element("img", { alt: "", src, decoding: "async", onload });
  }

  const digits = (value) => (value === null ? "–" : value.toFixed(2));

  function facts(image) { // what is known of it: words and values
    const seen = image.prediction === null ? [] : [["seen as", look.classes[image.prediction]]];
    const known = look.figures.filter(({ name }) => image[name] !== null);
    return [...seen, ...known.map(({ name, title }) => [title, digits(image[name])])];
  }

  function button(image) {
    const words = facts(image).map((pair) => pair.join(" "));
    const made = element(
      "button",
      { type: "button", className: "variant", tabIndex: -1, ariaPressed: String(shownRow().marks.has(image.key)) },
      element("div", {}, picture(image.image)),
      element("span", { textContent: look.classes[image.label] }),
      element("span", { textContent: digits(image[shownFigure().name]) }),
    );
    made.ariaLabel = [look.classes[image.label], `variant ${image.variant} of seed ${image.seed_id}`, ...words].join(", ");
    return Object.assign(made, { image });
  }

  function show() {
    const { marks, method, images, shown } = shownRow();
    const { name, sign } = shownFigure();
    const wanted = shown.filter(
      (image) => ["", String(image.label)].includes(parts.class.value) && (!parts.only.checked || marks.has(image.key)),
    );
    wanted.sort((one, other) => compare(one[name], other[name], sign));
    parts.variants.replaceChildren(...wanted.map(button));
    parts.variants.scrollTop = 0;
    [parts.turn.textContent, parts.turn.title] = sign > 0 ? ["↑", "smallest first"] : ["↓", "largest first"];
    parts.told.textContent = shown.length === images
      ? `All ${images} new images of ${method} are here.`
      : `Here are ${shown.length} of the ${images} new images of ${method}: those whose class the guide doubts most (report.weed_images).`;
    current = null;
    parts.close.replaceChildren();
    if (wanted.length) reach(parts.variants.firstChild);
    count();
  }

  // The image that the Tab key leads to, seen close beside its seed.
  function reach(chosen) {
    if (current) current.tabIndex = -1;
    current = chosen;
    current.tabIndex = 0;
    const { image } = chosen;
    const half = (src, words) => element("figure", {}, picture(src), element("figcaption", { textContent: words }));
    const lines = [["seed", image.seed_id], ...facts(image)].flatMap(
      ([words, value]) => [element("dt", { textContent: words }), element("dd", { textContent: value })],
    );
    const label = element("p", { className: "named", textContent: look.classes[image.label] });
    parts.close.replaceChildren(
      element("div", { className: "pair" }, half(look.seeds[image.seed_id], "seed"), half(image.image, `variant ${image.variant}`)),
      element("div", { className: "words" }, label, element("dl", {}, ...lines)),
    );
  }

  function mark(chosen) {
    const row = shownRow();
    if (!row.marks.delete(chosen.image.key)) row.marks.add(chosen.image.key);
    chosen.ariaPressed = String(row.marks.has(chosen.image.key));
    try {
      localStorage.setItem(storage(row), JSON.stringify([...row.marks]));
    } catch {
      // then marks last as long as the page is open
    }
    count();
  }

  function count() {
    const here = shownRow().marks.size;
    const all = look.rows.reduce((sum, row) => sum + row.marks.size, 0);
    parts.count.textContent = `${here} marked${all > here ? `, ${all} in all rows` : ""}`;
  }

  function save() {
    const { dataset, draw } = look;
    const used = look.rows.filter((row) => row.marks.size);
    const expansions = Object.fromEntries(used.map((row) => [row.method, row.checksum]));
    const weed = used.flatMap(({ method, marks }) => [...marks].sort().map(JSON.parse).map(
      ([seed_id, variant]) => ({ method, seed_id, variant }),
    ));
    const text = `${JSON.stringify({ dataset, draw, expansions, weed }, null, 2)}\n`;
    const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    element("a", { href, download: "weed.json" }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000); // the browser may still be asking where to
  }

  function move(chosen, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.toLowerCase() === "x") mark(chosen);
    const items = [...parts.variants.children];
    const index = items.indexOf(chosen);
    const below = items.findIndex((item) => item.offsetTop > items[0].offsetTop);
    const columns = below < 0 ? items.length : below;
    const next = {
      ArrowLeft: index - 1, ArrowRight: index + 1, ArrowUp: index - columns, ArrowDown: index + columns, Home: 0, End: items.length - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault(); // the page stays where it is
    items[next]?.focus();
  }

  for (const [kind, act] of [["click", mark], ["focusin", reach], ["pointerover", reach], ["keydown", move]]) {
    parts.variants.addEventListener(kind, (event) => {
      const chosen = event.target.closest(".variant");
      if (chosen) act(chosen, event);
    });
  }
  for (const row of look.rows) {
    row.marks = new Set(remembered(row) ?? row.weeded.map((image) => JSON.stringify(image)));
    for (const image of row.shown) image.key = JSON.stringify([image.seed_id, image.variant]);
  }
  for (const figure of look.figures) figure.sign = 1;
  const option = (value, words) => element("option", { value, textContent: words });
  parts.row.append(...look.rows.map(({ method }) => option(method, method)));
  parts.figure.append(...look.figures.map(({ name, title }) => option(name, title)));
  parts.class.append(option("", "all"), ...look.classes.map((name, label) => option(label, name)));
  for (const part of [parts.row, parts.figure, parts.class, parts.only]) part.addEventListener("change", show);
  parts.turn.addEventListener("click", () => {
    shownFigure().sign *= -1;
    show();
  });
  parts.save.addEventListener("click", save);
  show();
}

document.querySelectorAll(".weeding").forEach(weed);
