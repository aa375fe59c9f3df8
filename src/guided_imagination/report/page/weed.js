
// New images to look at one by one. Marks are sets of names, by row of the tables; a name is [seed, variant] as JSON.
function weed(place) {
  const look = JSON.parse(place.querySelector("script").textContent);
  const parts = Object.fromEntries([...place.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const rows = new Map(look.rows.map((row) => [row.method, row]));
  const marks = new Map(look.rows.map((row) => [row.method, new Set(remembered(row) ?? row.weeded.map(named))]));
  const orders = new Map(look.figures.map((figure) => [figure.name, 1]));
  let current = null; // the image that the Tab key leads to

  function named(image) {
    return JSON.stringify(image);
  }

  // Marks of other images, or of a run with other lists, are kept apart by the row's state.
  function storage(row) {
    return `weed ${look.dataset} ${look.draw} ${row.method} ${row.state}`;
  }

  function remembered(row) {
    try {
      const found = JSON.parse(localStorage.getItem(storage(row)));
      return Array.isArray(found) && found.every((name) => typeof name === "string") ? found : null;
    } catch {
      return null; // a browser may refuse, or somebody else have written there
    }
  }

  function remember(row) {
    try {
      localStorage.setItem(storage(row), JSON.stringify([...marks.get(row.method)]));
    } catch {
      // then marks last as long as the page is open
    }
  }

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function picture(address) {
    const image = element("img", { alt: "", src: address, decoding: "async" });
    // few pixels are shown as they are
    image.addEventListener("load", () => image.parentElement?.classList.toggle("small", image.naturalWidth < 64));
    return image;
  }

  function shownRow() {
    return rows.get(parts.row.value);
  }

  function title(name) {
    return look.figures.find((figure) => figure.name === name).title;
  }

  function figure(image, name) {
    return image[name] === null ? "–" : image[name].toFixed(2);
  }

  function told(image) {
    const known = look.figures.filter(({ name }) => image[name] !== null).map(({ name }) => `${title(name)} ${figure(image, name)}`);
    const seen = image.prediction === null ? [] : [`seen as ${look.classes[image.prediction]}`];
    return [look.classes[image.label], `variant ${image.variant} of seed ${image.seed_id}`, ...seen, ...known].join(", ");
  }

  function marked(image) {
    return marks.get(shownRow().method).has(named([image.seed_id, image.variant]));
  }

  function button(image) {
    const made = element(
      "button",
      { type: "button", className: "variant", tabIndex: -1, ariaPressed: String(marked(image)), ariaLabel: told(image) },
      element("div", {}, picture(image.image)),
      element("span", { textContent: look.classes[image.label] }),
      element("span", { textContent: figure(image, parts.figure.value) }),
    );
    made.image = image;
    return made;
  }

  function show() {
    const row = shownRow();
    const name = parts.figure.value;
    const wanted = row.shown.filter(
      (image) => (parts.class.value === "" || image.label === Number(parts.class.value)) && (!parts.only.checked || marked(image)),
    );
    wanted.sort((one, other) => compare(one[name], other[name], orders.get(name)));
    parts.variants.replaceChildren(...wanted.map(button));
    parts.variants.scrollTop = 0;
    parts.turn.textContent = orders.get(name) > 0 ? "↑" : "↓";
    parts.turn.title = orders.get(name) > 0 ? "smallest first" : "largest first";
    parts.told.textContent = row.shown.length === row.images
      ? `All ${row.images} new images of ${row.method} are here.`
      : `Here are ${row.shown.length} of the ${row.images} new images of ${row.method}: those whose class the guide doubts most (report.weed_images).`;
    current = null;
    parts.close.replaceChildren();
    const [first] = parts.variants.children;
    if (first) reach(first);
    count();
  }

  // The image that the Tab key leads to, seen close beside its seed.
  function reach(chosen) {
    if (current) current.tabIndex = -1;
    current = chosen;
    current.tabIndex = 0;
    const { image } = chosen;
    const half = (address, words) => element("figure", {}, picture(address), element("figcaption", { textContent: words }));
    const line = (words, value) => [element("dt", { textContent: words }), element("dd", { textContent: value })];
    const seen = image.prediction === null ? [] : line("seen as", look.classes[image.prediction]);
    const figures = look.figures.flatMap(({ name }) => (image[name] === null ? [] : line(title(name), figure(image, name))));
    parts.close.replaceChildren(
      element("div", { className: "pair" }, half(look.seeds[image.seed_id], "seed"), half(image.image, `variant ${image.variant}`)),
      element(
        "div",
        { className: "words" },
        element("p", { className: "named", textContent: look.classes[image.label] }),
        element("dl", {}, ...line("seed", image.seed_id), ...seen, ...figures),
      ),
    );
  }

  function mark(chosen) {
    const row = shownRow();
    const names = marks.get(row.method);
    const name = named([chosen.image.seed_id, chosen.image.variant]);
    if (!names.delete(name)) names.add(name);
    chosen.ariaPressed = String(names.has(name));
    remember(row);
    count();
  }

  function count() {
    const here = marks.get(shownRow().method).size;
    const all = [...marks.values()].reduce((sum, names) => sum + names.size, 0);
    parts.count.textContent = `${here} marked${all > here ? `, ${all} in all rows` : ""}`;
  }

  function columns() {
    const items = [...parts.variants.children];
    const next = items.findIndex((item) => item.offsetTop > items[0].offsetTop);
    return next < 0 ? items.length : next;
  }

  function list() {
    const used = look.rows.filter((row) => marks.get(row.method).size);
    return {
      dataset: look.dataset,
      draw: look.draw,
      expansions: Object.fromEntries(used.map((row) => [row.method, row.checksum])),
      weed: used.flatMap((row) => [...marks.get(row.method)].sort().map(JSON.parse).map(
        ([seed, variant]) => ({ method: row.method, seed_id: seed, variant }),
      )),
    };
  }

  function save() {
    const text = `${JSON.stringify(list(), null, 2)}\n`;
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    element("a", { href: address, download: "weed.json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000); // the browser may still be asking where to
  }

  const STEPS = {
    ArrowLeft: (index) => index - 1,
    ArrowRight: (index) => index + 1,
    ArrowUp: (index) => index - columns(),
    ArrowDown: (index) => index + columns(),
    Home: () => 0,
    End: () => parts.variants.children.length - 1,
  };
  parts.variants.addEventListener("keydown", (event) => {
    const chosen = event.target.closest(".variant");
    if (!chosen || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.toLowerCase() === "x") mark(chosen);
    const items = [...parts.variants.children];
    if (!(event.key in STEPS)) return;
    event.preventDefault(); // the page stays where it is
    items[STEPS[event.key](items.indexOf(chosen))]?.focus();
  });
  parts.variants.addEventListener("click", (event) => {
    const chosen = event.target.closest(".variant");
    if (chosen) mark(chosen);
  });
  for (const kind of ["focusin", "pointerover"]) {
    parts.variants.addEventListener(kind, (event) => {
      const chosen = event.target.closest(".variant");
      if (chosen) reach(chosen);
    });
  }

  const option = (value, words) => element("option", { value, textContent: words });
  parts.row.append(...look.rows.map((row) => option(row.method, row.method)));
  parts.figure.append(...look.figures.map(({ name, title: words }) => option(name, words)));
  parts.class.append(option("", "all"), ...look.classes.map((name, label) => option(label, name)));
  for (const part of [parts.row, parts.figure, parts.class, parts.only]) part.addEventListener("change", show);
  parts.turn.addEventListener("click", () => {
    orders.set(parts.figure.value, -orders.get(parts.figure.value));
    show();
  });
  parts.save.addEventListener("click", save);
  show();
}

document.querySelectorAll(".weeding").forEach(weed);
